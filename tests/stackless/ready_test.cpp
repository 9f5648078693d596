// SPDX-License-Identifier: BSL-1.0
// Tasks that wait until a socket is ready and then take what is there without waiting.
#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <string>
#include <system_error>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "net/loopback.hpp"
#include "stackless/small_tasks.hpp"
#include "support/scale.hpp"

namespace {

using namespace std::chrono_literals;
using weft::net::tcp_stream;
using weft::net::unix_stream;
using weft::stackless::create_task;
using weft::stackless::run;
using weft::stackless::task;
using weft::stackless::yield;
using weft::test::code_of;
using weft::test::tcp_pair;

// All that is there; `quiet` when nothing was.
template <class Stream> std::string taken(Stream& from) {
  std::array<std::byte, 256> bytes;
  std::error_code ec;
  const std::size_t count = from.try_read_some(bytes, ec);
  if (ec == std::errc::operation_would_block) return "quiet";
  return ec ? ec.message() : std::string(reinterpret_cast<const char*>(bytes.data()), count);
}

// Each message before the next one is sent.
template <class Stream> task<> ask_and_answer(Stream& a, Stream& b, std::size_t rounds) {
  const auto answers = [](Stream& from, std::size_t count) -> task<> {
    for (std::size_t i = 0; i < count; ++i) {
      co_await from.async_wait_readable();
      const std::string message = taken(from);
      CHECK(message == "message " + std::to_string(i));
      co_await from.async_write_all(message);
    }
  };
  auto answering = create_task(answers(b, rounds));
  for (std::size_t i = 0; i < rounds; ++i) {
    const std::string message = "message " + std::to_string(i);
    co_await a.async_write_all(message);
    co_await a.async_wait_readable();
    const std::string back = taken(a);
    CHECK(back == message);
    CHECK(taken(a) == "quiet");
  }
  co_await answering;
}

}  // namespace

TEST_CASE("a task waits until it can read, and takes what has come without waiting") {
  run([]() -> task<> {
    const std::size_t rounds = weft::test::scaled(500, 20);
    tcp_pair tcp;
    co_await ask_and_answer(tcp.client, tcp.server, rounds);
    auto [a, b] = unix_stream::pair();
    co_await ask_and_answer(a, b, rounds);
  }());
}

TEST_CASE("a socket that has something is ready at once, again and again, and so is one at its end") {
  run([]() -> task<> {
    tcp_pair tcp;
    co_await tcp.client.async_write_all("twice");
    co_await tcp.server.async_wait_readable();
    co_await tcp.server.async_wait_readable();
    CHECK(taken(tcp.server) == "twice");
    tcp.client.close();
    co_await tcp.server.async_wait_readable();
    CHECK(taken(tcp.server).empty());
    co_await tcp.server.async_wait_readable();
    CHECK(taken(tcp.server).empty());
  }());
}

TEST_CASE("nothing comes: the deadline ends the wait, and what comes later is not lost") {
  run([]() -> task<> {
    tcp_pair tcp;
    for (const weft::deadline until : {weft::deadline(-1s), weft::deadline(1ms)}) {
      std::error_code ec;
      co_await tcp.server.async_wait_readable(until, ec);
      CHECK(ec == std::errc::timed_out);
      std::string what;
      try {
        co_await tcp.server.async_wait_readable(until);
      } catch (const weft::timed_out& e) {
        what = e.what();
      }
      CHECK(what.find("read from 127.0.0.1:") != std::string::npos);
    }
    co_await tcp.client.async_write_all("late");
    co_await tcp.server.async_wait_readable(1h);
    CHECK(taken(tcp.server) == "late");
  }());
}

TEST_CASE("a full socket is writable when the peer has read") {
  run([]() -> task<> {
    auto [a, b] = unix_stream::pair();
    const std::array<std::byte, 4096> bytes{};
    std::error_code full;
    std::size_t sent = 0;
    co_await a.async_wait_writable();
    while (!full) sent += a.try_write_some(bytes, full);
    CHECK(full == std::errc::operation_would_block);
    const auto drains = [](unix_stream& from, std::size_t count) -> task<> {
      for (std::array<std::byte, 4096> room; count > 0;) {
        const std::size_t got = co_await from.async_read_some(room);
        count -= got;
      }
    };
    auto drained = create_task(drains(b, sent));
    co_await a.async_wait_writable();
    std::error_code ec;
    CHECK(a.try_write_some(bytes, ec) > 0);
    co_await drained;
  }());
}

TEST_CASE("a close or a cancellation ends the wait, and only one may wait on a side") {
  run(
      []() -> task<> {
        tcp_pair tcp;
        bool parked = false, was_closed = false;
        const auto waits = [&]() -> task<> {
          parked = true;
          try {
            co_await tcp.server.async_wait_readable();
          } catch (const std::system_error& e) {
            was_closed = code_of(e) == std::errc::operation_canceled;
          }
        };
        auto cancelled = create_task(waits());
        while (!parked) co_await yield();
        std::error_code ec;
        co_await tcp.server.async_wait_readable(ec);
        CHECK(ec == std::errc::operation_in_progress);
        cancelled.cancel();
        CHECK(co_await weft::test::joins_as_cancelled(cancelled));
        CHECK_FALSE(was_closed);
        parked = false;
        auto closed = create_task(waits());
        while (!parked) co_await yield();
        tcp.server.close();
        co_await closed;
        CHECK(was_closed);
        co_await tcp.server.async_wait_readable(ec);
        CHECK(ec == std::errc::bad_file_descriptor);
      }(),
      {.workers = 1});
}
