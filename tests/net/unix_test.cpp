// SPDX-License-Identifier: BSL-1.0
// Unix sockets, where they differ from TCP.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/un.h>

#include <fstream>
#include <vector>

#include "net/loopback.hpp"
#include "net/worlds.hpp"
#include "support/passing.hpp"

using namespace weft::test;
using namespace weft::net;
using namespace std::chrono_literals;
using weft::timed_out;

namespace {

// One byte with an fd beside it: a read never goes past such a place.
void send_with_fd(unix_stream& s, char byte, int fd) {
  const message_with_fd message({&byte, 1}, fd);
  CHECK(::sendmsg(s.native_handle(), message.header(), 0) == 1);
}

}  // namespace

TEST_CASE("unix sockets talk by path and by abstract name") {
  in_both_worlds([](const world& w) {
    const temporary_directory directory;
    for (const auto& where :
         {address::unix_path(directory.file("s")), address::parse("unix:@weft-test-" + std::to_string(::getpid()))}) {
      unix_listener listener(where);
      CHECK(listener.local() == where);
      auto server = w.start([&] {
        auto s = listener.accept();
        s.write_all(read_to_end(s) + "!");
      });
      auto c = unix_stream::connect(where);
      CHECK(c.remote() == where);
      c.write_all("hello");
      c.shutdown_write();
      CHECK(read_to_end(c) == "hello!");
      server.join();
    }
  });
}

TEST_CASE("the path of a listener goes with it, but not what others have put there") {
  in_both_worlds([](const world&) {
    const temporary_directory directory;
    const auto path = directory.file("s");
    const auto where = address::unix_path(path);
    {
      const unix_listener first(where);
      CHECK(std::filesystem::exists(path));
      CHECK(error_of([&] { unix_listener second(where); }).code() == std::errc::address_in_use);
      std::error_code ec;
      CHECK_FALSE(unix_listener(where, ec).is_open());
      CHECK(ec == std::errc::address_in_use);
      CHECK(std::filesystem::exists(path));
    }
    CHECK_FALSE(std::filesystem::exists(path));
    {
      unix_listener first(where);
      unix_listener moved = std::move(first);
      first.close();
      CHECK(std::filesystem::exists(path));
      std::filesystem::remove(path);
      std::ofstream(path) << "mine";
    }
    CHECK(std::filesystem::exists(path));
    // What is left of a listener that crashed refuses connections by name.
    std::filesystem::remove(path);
    const int crashed = unix_listener(where).release();
    ::close(crashed);
    const auto e = error_of([&] { static_cast<void>(unix_stream::connect(where)); });
    CHECK(e.code() == std::errc::connection_refused);
    CHECK(contains(e.what(), "connect to unix:" + path));
    CHECK(error_of([&] { static_cast<void>(unix_stream::connect(address::unix_path(path + "x"))); }).code() ==
          std::errc::no_such_file_or_directory);
  });
}

TEST_CASE("errors name the path at both ends") {
  in_both_worlds([](const world&) {
    const temporary_directory directory;
    const auto where = address::unix_path(directory.file("s"));
    unix_listener listener(where);
    auto c = unix_stream::connect(where);
    auto s = listener.accept();
    std::byte one[1];
    CHECK(contains(error_of([&] { static_cast<void>(c.read_some(one, 0s)); }).what(), "read from " + to_string(where)));
    CHECK(contains(error_of([&] { static_cast<void>(s.read_some(one, 0s)); }).what(),
                   "read from a client of " + to_string(where)));
    c.close();
    CHECK(contains(error_of([&] { static_cast<void>(c.read_some(one)); }).what(), "read from a closed stream"));
    CHECK(error_of([&] { s.write_all("x"); }).code() == std::errc::broken_pipe);
  });
}

TEST_CASE("a connect waits for a place in the backlog, times out and can be cancelled") {
  in_both_worlds([](const world& w) {
    const temporary_directory directory;
    const auto where = address::unix_path(directory.file("s"));
    unix_listener listener(where, {.backlog = 0});
    auto first = unix_stream::connect(where);
    CHECK_THROWS_AS(static_cast<void>(unix_stream::connect(where, 3ms)), timed_out);
    auto caller = w.start([&] {
      auto c = unix_stream::connect(where);
      CHECK(read_to_end(c) == "second");
    });
    listener.accept().write_all("first");
    listener.accept().write_all("second");
    caller.join();
    CHECK(read_to_end(first) == "first");
  });
}

TEST_CASE("a pair is two streams that are connected") {
  in_both_worlds([](const world& w) {
    auto [a, b] = unix_stream::pair();
    auto writer = w.start([&, &a = a] {
      a.write_all(pattern(1'000'000));
      a.close();
    });
    CHECK(read_to_end(b) == text_of(pattern(1'000'000)));
    writer.join();
  });
}

TEST_CASE("a read that stops at a passed fd is not taken for the last of what there is") {
  in_both_worlds([](const world& w) {
    for (int i = 0; i < 50; ++i) {
      auto [a, b] = unix_stream::pair();
      auto reader = w.start([&, &b = b] {
        std::byte piece[100];
        std::string all;
        while (all.size() < 6) all += text_of(std::span(piece, b.read_some(piece)));
        CHECK(all == "abXcde");
      });
      if (i % 2) w.until_waiting(1);
      a.write_all("ab");
      send_with_fd(a, 'X', 0);
      a.write_all("cde");
      reader.join();
    }
  });
}

TEST_CASE("only unix stream sockets are adopted as such") {
  in_both_worlds([](const world&) {
    int fds[2];
    CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    auto a = unix_stream::adopt(fds[0]);
    auto b = unix_stream::adopt(fds[1]);
    a.write_all("x");
    CHECK(read_text(b, 1) == "x");
    std::error_code ec;
    tcp_pair p;
    static_cast<void>(unix_stream::adopt(p.client.native_handle(), ec));
    CHECK(ec == std::errc::address_family_not_supported);
    CHECK(p.client.is_open());
    CHECK_THROWS_AS(unix_listener{any_port()}, std::system_error);
    CHECK_THROWS_AS(static_cast<void>(unix_stream::connect(any_port())), std::system_error);
    CHECK_THROWS_AS(unix_listener{address::unix_path("/nonexistent/s")}, std::system_error);
  });
}
