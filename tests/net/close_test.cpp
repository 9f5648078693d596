// SPDX-License-Identifier: BSL-1.0
// Who may use a stream, and closing it: from elsewhere, at any moment, or after that.
#include <doctest/doctest.h>
#include <fcntl.h>

#include <atomic>
#include <memory>
#include <thread>

#include "net/loopback.hpp"
#include "net/worlds.hpp"

using namespace weft::test;
using namespace weft::net;
using namespace std::chrono_literals;
using weft::timed_out;

TEST_CASE("a second reader or writer is told so, the first goes on; one of each is fine") {
  in_both_worlds([](const world& w) {
    tcp_pair p;
    auto reader = w.start([&] { CHECK(read_text(p.server, 5) == "hello"); });
    w.until_waiting(1);
    std::byte one[1];
    const auto e = error_of([&] { static_cast<void>(p.server.read_some(one)); });
    CHECK(e.code() == std::errc::operation_in_progress);
    CHECK(contains(e.what(), "read from 127.0.0.1:"));
    CHECK_THROWS_AS(p.server.wait_readable(), std::system_error);

    const std::vector<std::byte> large(8'000'000);
    auto writer = w.start([&] { p.server.write_all(large); });
    w.until_waiting(2);
    CHECK(error_of([&] { p.server.write_all("x"); }).code() == std::errc::operation_in_progress);
    CHECK(p.server.remote() == p.client.local());  // questions disturb nobody

    p.client.write_all("hello");
    reader.join();
    std::vector<std::byte> got(large.size());
    p.client.read_exact(got);
    writer.join();
  });
}

TEST_CASE("closing wakes who reads and who writes, frees the fd, and further use is bad_file_descriptor") {
  in_both_worlds([](const world& w) {
    for (int i = 0; i < 20; ++i) {
      tcp_pair p;
      const int fd = p.server.native_handle();
      std::byte one[1];
      auto reader = w.start([&] {
        const auto e = error_of([&] { static_cast<void>(p.server.read_some(one)); });
        CHECK(e.code() == std::errc::operation_canceled);
      });
      auto writer = w.start([&] {
        const std::vector<std::byte> large(8'000'000);
        const auto e = error_of<partial_io>([&] { p.server.write_all(large); });
        CHECK(e.code() == std::errc::operation_canceled);
        CHECK(e.transferred() > 0);
      });
      w.until_waiting(2);
      p.server.close();
      reader.join();
      writer.join();
      CHECK_FALSE(p.server.is_open());
      CHECK(::fcntl(fd, F_GETFD) == -1);
      p.server.close();
      CHECK(error_of([&] { static_cast<void>(p.server.read_some(one)); }).code() == std::errc::bad_file_descriptor);
      CHECK(error_of([&] { p.server.write_all("x"); }).code() == std::errc::bad_file_descriptor);
      CHECK_THROWS_AS(static_cast<void>(p.server.remote()), std::system_error);
    }
  });
}

TEST_CASE("a close between a reader's wake-up and its next try is not missed") {
  weft::options one;
  one.workers = 1;
  weft::run(
      [] {
        const world w(true);
        // Unix sockets: what is written is there at once.
        auto [first_in, first] = unix_stream::pair();
        auto [second_in, second] = unix_stream::pair();
        auto closer = w.start([&, &first = first, &second = second] {
          CHECK(read_text(first, 1) == "1");
          char taken = 0;
          CHECK(::recv(second.native_handle(), &taken, 1, 0) == 1);
          second.close();
        });
        w.until_waiting(1);
        auto reader = w.start([&, &second = second] {
          std::byte piece[1];
          const auto e = error_of([&] { static_cast<void>(second.read_some(piece)); });
          CHECK(e.code() == std::errc::operation_canceled);
        });
        w.until_waiting(2);
        // One look of the poller finds both, in this order; so the closer runs when the reader is on its way already.
        first_in.write_all("1");
        second_in.write_all("2");
        closer.join();
        reader.join();
      },
      one);
}

TEST_CASE("closing at any moment of a conversation ends both sides and reuses no fd under them") {
  on_fibers([](const world& w) {
    // Each round closes while the other actors are at any point of their operations, and opens sockets that get the same
    // numbers: a byte that ends up in the wrong connection breaks the pattern there.
    // What ends an operation that is in the kernel at that moment may also be the other end's close.
    for (std::size_t i = 0; i < scaled(200, 20); ++i) {
      tcp_pair p;
      auto reader = w.start([&] {
        std::byte piece[100];
        std::error_code ec;
        while (!ec) static_cast<void>(p.server.read_some(piece, ec));
      });
      auto writer = w.start([&] {
        std::error_code ec;
        while (!ec) static_cast<void>(p.server.write_some(pattern(10), ec));
      });
      auto feeder = w.start([&] {
        std::error_code ec;
        std::byte piece[1000];
        while (!ec) {
          p.client.write_all(std::string_view("ping"), ec);
          if (!ec) static_cast<void>(p.client.try_read_some(piece, ec));
          if (ec == std::errc::operation_would_block) ec.clear();
          weft::this_fiber::yield();
        }
      });
      for (std::size_t turns = i % 7; turns; --turns) weft::this_fiber::yield();
      p.server.close();
      tcp_pair next;
      next.client.write_all("mine");
      CHECK(read_text(next.server, 4) == "mine");
      p.client.close();
      reader.join();
      writer.join();
      feeder.join();
      next.client.close();
      CHECK(read_to_end(next.server).empty());
    }
  });
}

TEST_CASE("who is woken by a close may open the stream anew, or end it, before the closer has returned") {
  weft::options two;
  two.workers = 2;
  weft::run(
      [] {
        const world w(true);
        // A thread that waits again and again is in the closer's way once it has woken the reader.
        auto [silent, other] = unix_stream::pair();
        std::atomic<bool> stop{false};
        std::thread waits([&, &silent = silent] {
          std::byte one[1];
          std::error_code ec;
          while (!stop) static_cast<void>(silent.read_some(one, 1us, ec));
        });
        for (std::size_t i = 0; i < scaled(2'000, 200); ++i) {
          auto ends = unix_stream::pair();
          auto mine = std::make_unique<unix_stream>(std::move(ends.first));
          unix_stream& seen = *mine;
          auto reader = weft::spawn({.worker = 1}, [&] {
            std::byte one[1];
            std::error_code ec;
            CHECK(mine->read_some(one, ec) == 0);
            CHECK(ec == std::errc::operation_canceled);
            auto [first, second] = unix_stream::pair();
            *mine = std::move(first);
            second.write_all("x");
            CHECK(read_text(*mine, 1) == "x");
            mine.reset();
          });
          auto closer = weft::spawn({.worker = 0}, [&] {
            w.until_waiting(1);
            seen.close();
          });
          closer.join();
          reader.join();
        }
        stop = true;
        waits.join();
      },
      two);
}

TEST_CASE("a stream that was never opened, was moved from or closed refuses by name") {
  in_both_worlds([](const world&) {
    tcp_stream never_opened;
    CHECK_FALSE(never_opened.is_open());
    CHECK(never_opened.native_handle() == -1);
    std::byte one[1];
    const auto e = error_of([&] { static_cast<void>(never_opened.read_some(one)); });
    CHECK(e.code() == std::errc::bad_file_descriptor);
    CHECK(contains(e.what(), "read from a stream that is not open"));
    std::error_code ec;
    never_opened.shutdown_write(ec);
    CHECK(ec == std::errc::bad_file_descriptor);
    CHECK_THROWS_AS(static_cast<void>(never_opened.release()), std::system_error);

    tcp_pair p;
    const auto peer = to_string(p.client.remote());
    tcp_stream moved = std::move(p.client);
    CHECK(moved.is_open());
    CHECK_FALSE(p.client.is_open());
    CHECK(error_of([&] { p.client.write_all("x"); }).code() == std::errc::bad_file_descriptor);
    moved.close();
    CHECK(contains(error_of([&] { moved.write_all("x"); }).what(), "write to " + peer));
    moved = std::move(p.server);
    CHECK(moved.is_open());
  });
}

TEST_CASE("only a connected stream socket of the family is adopted; else the fd stays the caller's") {
  in_both_worlds([](const world&) {
    CHECK(error_of([] { static_cast<void>(tcp_stream::adopt(-1)); }).code() == std::errc::bad_file_descriptor);
    const int file = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    const auto e = error_of([&] { static_cast<void>(tcp_stream::adopt(file)); });
    CHECK(e.code() == std::errc::not_a_socket);
    CHECK(contains(e.what(), "adopt fd " + std::to_string(file) + " as a tcp_stream"));
    CHECK(::close(file) == 0);
    const int datagrams = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    std::error_code ec;
    CHECK_FALSE(tcp_stream::adopt(datagrams, ec).is_open());
    CHECK(ec == std::errc::wrong_protocol_type);
    CHECK(::close(datagrams) == 0);
    const int local = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    static_cast<void>(tcp_stream::adopt(local, ec));
    CHECK(ec == std::errc::address_family_not_supported);
    CHECK(::close(local) == 0);
  });
}

TEST_CASE("an adopted blocking socket keeps its mode, and blocks nobody but its caller") {
  in_both_worlds([](const world& w) {
    tcp_pair p;
    const int fd = p.server.release();
    CHECK_FALSE(p.server.is_open());
    CHECK(::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) & ~O_NONBLOCK) == 0);
    auto adopted = tcp_stream::adopt(fd);
    CHECK(adopted.remote() == p.client.local());
    std::byte one[1];
    CHECK_THROWS_AS(static_cast<void>(adopted.read_some(one, 0s)), timed_out);
    auto reader = w.start([&] { CHECK(read_text(adopted, 2) == "ab"); });
    w.until_waiting(1);
    p.client.write_all("ab");
    reader.join();
    CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0);
  });
}

TEST_CASE("a socket in use is not released") {
  in_both_worlds([](const world& w) {
    tcp_pair p;
    auto reader = w.start([&] { CHECK(read_text(p.server, 1) == "x"); });
    w.until_waiting(1);
    CHECK(error_of([&] { static_cast<void>(p.server.release()); }).code() == std::errc::device_or_resource_busy);
    p.client.write_all("x");
    reader.join();
    const int fd = p.server.release();
    CHECK(::close(fd) == 0);
  });
}
