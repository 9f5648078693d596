// SPDX-License-Identifier: BSL-1.0
// Sockets of tasks, over loopback.
#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>
#include <weft/net/tcp_listener.hpp>
#include <weft/net/unix_listener.hpp>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "net/loopback.hpp"
#include "stackless/small_tasks.hpp"
#include "support/scale.hpp"
#include "support/temporary.hpp"

namespace {

using namespace std::chrono_literals;
using weft::net::address;
using weft::net::tcp_listener;
using weft::net::tcp_stream;
using weft::net::unix_stream;
using weft::stackless::create_task;
using weft::stackless::run;
using weft::stackless::task;
using weft::stackless::task_handle;
using weft::stackless::yield;
using weft::test::any_port;
using weft::test::code_of;

template <class Stream> task<> echo(Stream peer) {
  std::array<std::byte, 512> buffer;
  while (const std::size_t n = co_await peer.async_read_some(buffer))
    co_await peer.async_write_all(std::span(buffer).first(n));
}

task<> echo_all(tcp_listener& listener) {
  for (;;) create_task(echo(co_await listener.async_accept())).detach();
}

// Sends `rounds` numbered messages and checks what comes back.
task<std::size_t> asks(address where, std::size_t rounds) {
  tcp_stream stream = co_await tcp_stream::async_connect(where);
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < rounds; ++i) {
    const std::string text = "message " + std::to_string(i);
    co_await stream.async_write_all(text);
    std::string back(text.size(), ' ');
    co_await stream.async_read_exact(std::as_writable_bytes(std::span(back)));
    CHECK(back == text);
    bytes += back.size();
  }
  co_return bytes;
}

task<> expect_cancelled(task_handle<>& what) {
  try {
    co_await what;
    CHECK(false);
  } catch (const std::system_error& e) {
    CHECK(code_of(e) == std::errc::operation_canceled);
  }
}

}  // namespace

TEST_CASE("a small echo server serves many connections at once") {
  const std::size_t connections = weft::test::scaled(1'000, 20), rounds = 5;
  run([](std::size_t clients, std::size_t messages) -> task<> {
    tcp_listener listener(any_port());
    auto server = create_task(echo_all(listener));
    std::vector<task_handle<std::size_t>> all;
    for (std::size_t i = 0; i < clients; ++i) all.push_back(create_task(asks(listener.local(), messages)));
    for (auto& one : all) CHECK(co_await one == messages * 9);
    server.cancel();
    co_await expect_cancelled(server);
  }(connections, rounds));
}

TEST_CASE("fibers and tasks talk to each other") {
  weft::run([] {
    tcp_listener listener(any_port());
    auto server = create_task(echo_all(listener));
    tcp_stream stream = tcp_stream::connect(listener.local());
    stream.write_all("hello");
    std::array<std::byte, 5> back;
    stream.read_exact(back);
    CHECK(std::memcmp(back.data(), "hello", 5) == 0);
    server.cancel();
    while (!server.done()) weft::this_fiber::yield();
  });
}

TEST_CASE("much data goes both ways through small buffers of the kernel") {
  run([]() -> task<> {
    auto [a, b] = unix_stream::pair();
    const std::size_t size = weft::test::scaled(8'000'000, 1'000'000);
    const auto sends = [](unix_stream& to, std::size_t n) -> task<> {
      std::vector<std::byte> data(n);
      for (std::size_t i = 0; i < n; ++i) data[i] = std::byte(i * 31 >> 3);
      CHECK(co_await to.async_write_all(data) == n);
      to.shutdown_write();
    };
    auto sender = create_task(sends(a, size));
    std::vector<std::byte> data(size);
    CHECK(co_await b.async_read_exact(data) == size);
    bool same = true;
    for (std::size_t i = 0; i < size; ++i) same = same && data[i] == std::byte(i * 31 >> 3);
    CHECK(same);
    CHECK(co_await b.async_read_some(data) == 0);
    co_await sender;
  }());
}

TEST_CASE("a deadline in the past takes what has come since a short read, too") {
  run([]() -> task<> {
    tcp_listener listener(any_port());
    tcp_stream a = co_await tcp_stream::async_connect(listener.local());
    tcp_stream b = co_await listener.async_accept();
    const int fd = b.release();  // native_handle() would make weft cautious
    b = tcp_stream::adopt(fd);
    pollfd file{fd, POLLIN, 0};
    std::array<std::byte, 4> room;
    std::error_code ec;
    for (int i = 0; i < 3; ++i) {
      co_await a.async_write_all("ab");
      CHECK(::poll(&file, 1, -1) == 1);
      CHECK(co_await b.async_read_some(room, -1s, ec) == 2);
    }
    CHECK(co_await b.async_read_some(room, -1s, ec) == 0);
    CHECK(ec == std::errc::timed_out);
    co_await a.async_write_all("c");
    CHECK(::poll(&file, 1, -1) == 1);
    co_await b.async_wait_readable(-1s, ec);
    CHECK_FALSE(ec);
  }());
}

TEST_CASE("what has come before the deadline counts, although the worker was busy until then") {
  bool came = false;
  for (bool in_time = false; !in_time;) {
    run([](bool& accepted, bool& was_there) -> task<> {
      const weft::deadline until = 20ms;
      std::atomic<bool> begun = false;
      tcp_listener listener(any_port());
      auto waits = [](tcp_listener& from, weft::deadline limit, std::atomic<bool>& started) -> task<bool> {
        std::error_code ec;
        started = true;
        co_return (co_await from.async_accept(limit, ec)).is_open();
      };
      auto waiter = create_task(waits(listener, until, begun));
      while (!begun) co_await yield();
      const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      CHECK(::connect(client, listener.local().data(), listener.local().size()) == 0);
      was_there = !until.passed();
      while (!until.passed()) {
      }
      accepted = co_await waiter;
      ::close(client);
    }(came, in_time));
  }
  CHECK(came);
}

TEST_CASE("a deadline ends a read that nothing came for, and not one that something did") {
  run([]() -> task<> {
    auto [a, b] = unix_stream::pair();
    std::array<std::byte, 8> room;
    for (const weft::deadline until : {weft::deadline(-1s), weft::deadline(1ms)}) {
      bool late = false;
      try {
        co_await b.async_read_some(room, until);
      } catch (const weft::timed_out&) {
        late = true;
      }
      CHECK(late);
    }
    std::error_code ec;
    CHECK(co_await b.async_read_some(room, 1ms, ec) == 0);
    CHECK(ec == std::errc::timed_out);
    co_await a.async_write_all("abc");
    CHECK(co_await b.async_read_some(room, 1h, ec) == 3);
    CHECK_FALSE(ec);
    CHECK(weft::stats().live_tasks == 1);
  }());
}

TEST_CASE("a read into nothing does not wait, also where the last one has emptied the socket") {
  run([]() -> task<> {
    weft::test::tcp_pair tcp;
    std::array<std::byte, 8> room;
    tcp.client.write_all("abc");
    CHECK(co_await tcp.server.async_read_some(room) == 3);
    std::error_code ec;
    CHECK(co_await tcp.server.async_read_some(std::span(room).first(0), 1ms, ec) == 0);
    CHECK_FALSE(ec);
    CHECK(co_await tcp.server.async_read_exact(std::span(room).first(0), 1ms, ec) == 0);
    CHECK_FALSE(ec);
  }());
}

TEST_CASE("a read that is cancelled did not happen") {
  run([]() -> task<> {
    auto [a, b] = unix_stream::pair();
    for (std::size_t i = 0; i < weft::test::scaled(2'000); ++i) {
      std::atomic<std::size_t> got = 0;
      const auto reads = [](unix_stream& from, std::atomic<std::size_t>& n) -> task<> {
        std::array<std::byte, 1> room;
        n = co_await from.async_read_some(room);
      };
      auto reader = create_task(reads(b, got));
      for (std::size_t k = 0; k < i % 5; ++k) co_await yield();
      co_await a.async_write_all("x");
      for (std::size_t k = 0; k < i % 3; ++k) co_await yield();
      reader.cancel();
      bool cancelled = false;
      try {
        co_await reader;
      } catch (const std::system_error&) {
        cancelled = true;
      }
      CHECK(cancelled == (got == 0));
      std::array<std::byte, 4> rest;
      if (cancelled) CHECK(co_await b.async_read_some(rest) == 1);
    }
  }());
}

TEST_CASE("closing a stream or listener ends who waits on it") {
  run(
      []() -> task<> {
        tcp_listener listener(any_port());
        auto [a, b] = unix_stream::pair();
        std::atomic<int> begun = 0;
        const auto accepts = [&]() -> task<bool> {
          ++begun;
          std::error_code ec;
          const tcp_stream none = co_await listener.async_accept(ec);
          co_return !none.is_open() && ec == std::errc::operation_canceled;
        };
        const auto reads = [&]() -> task<bool> {
          ++begun;
          std::array<std::byte, 8> room;
          try {
            co_await b.async_read_some(room);
          } catch (const std::system_error& e) {
            co_return code_of(e) == std::errc::operation_canceled;
          }
          co_return false;
        };
        auto one = create_task(accepts());
        auto two = create_task(reads());
        while (begun < 2) co_await yield();
        for (int i = 0; i < 10; ++i) co_await yield();
        listener.close();
        b.close();
        bool both = co_await one;
        both = co_await two && both;
        // One that had not yet begun to wait when it was closed finds it so.
        INFO("both ended by the close");
        CHECK(both);
      }(),
      {.workers = 1});
}

TEST_CASE("errors name what failed") {
  run([]() -> task<> {
    address gone;
    {
      tcp_listener listener(any_port());
      gone = listener.local();
    }
    try {
      (void)co_await tcp_stream::async_connect(gone);
      CHECK(false);
    } catch (const std::system_error& e) {
      CHECK(code_of(e) == std::errc::connection_refused);
      CHECK(std::string(e.what()).find(to_string(gone)) != std::string::npos);
    }
    std::error_code ec;
    CHECK_FALSE((co_await tcp_stream::async_connect(gone, ec)).is_open());
    CHECK(ec == std::errc::connection_refused);
    CHECK_FALSE((co_await tcp_stream::async_connect(address::parse("unix:/nowhere"), ec)).is_open());
    CHECK(ec == std::errc::address_family_not_supported);
    tcp_stream closed;
    std::array<std::byte, 8> room;
    CHECK(co_await closed.async_read_some(room, ec) == 0);
    CHECK(ec == std::errc::bad_file_descriptor);
  }());
}

TEST_CASE("two readers of one stream are told so, and the end inside a whole read says how far it came") {
  run([]() -> task<> {
    auto [a, b] = unix_stream::pair();
    std::array<std::byte, 8> room;
    {
      auto first = b.async_read_some(room);
      std::error_code ec;
      CHECK(co_await b.async_read_some(room, ec) == 0);
      CHECK(ec == std::errc::operation_in_progress);
    }
    co_await a.async_write_all("abc");
    a.close();
    std::size_t came = 0;
    try {
      co_await b.async_read_exact(room);
    } catch (const weft::net::end_of_stream& e) {
      came = e.transferred();
    }
    CHECK(came == 3);
  }());
}

TEST_CASE("a unix listener with a full backlog is connected to when there is room") {
  const weft::test::temporary_directory directory;
  run([](std::string name) -> task<> {
    weft::net::unix_listener listener(address::parse("unix:" + name), {.backlog = 1});
    const auto connects = [](address to) -> task<> { (void)co_await unix_stream::async_connect(to); };
    std::vector<task_handle<>> all;
    for (int i = 0; i < 8; ++i) all.push_back(create_task(connects(listener.local())));
    for (int i = 0; i < 8; ++i) (void)co_await listener.async_accept();
    for (auto& one : all) co_await one;
  }(directory.file("full")));
}
