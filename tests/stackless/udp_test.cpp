// SPDX-License-Identifier: BSL-1.0
// Datagrams of tasks, over loopback.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <span>
#include <string>
#include <vector>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "net/loopback.hpp"

namespace {

using namespace std::chrono_literals;
using weft::net::address;
using weft::net::udp_socket;
using weft::stackless::create_task;
using weft::stackless::run;
using weft::stackless::task;
using weft::stackless::yield;
using weft::test::any_port;
using weft::test::text_of;

// Sends back what comes until the socket is closed; returns how many came.
task<int> echo_datagrams(udp_socket& at) {
  std::array<std::byte, 64> buffer;
  for (int count = 0;; ++count) {
    std::error_code ec;
    const auto [size, from] = co_await at.async_receive_from(buffer, ec);
    // The first if it waited at the close, the second if it had something else to do.
    if (ec == std::errc::operation_canceled || ec == std::errc::bad_file_descriptor) co_return count;
    CHECK_FALSE(ec);
    CHECK(co_await at.async_send_to(std::span(buffer).first(size), from) == size);
  }
}

}  // namespace

TEST_CASE("tasks send and receive datagrams, and a close wakes who receives") {
  run([]() -> task<> {
    udp_socket one(any_port()), other(any_port());
    auto first = create_task(echo_datagrams(other)), second = create_task(echo_datagrams(other));
    std::array<std::byte, 64> buffer;
    for (int i = 0; i < 20; ++i) {
      const std::string text = "message " + std::to_string(i);
      co_await one.async_send_to(text, other.local());
      const auto [size, from] = co_await one.async_receive_from(buffer, 20s);
      CHECK(text_of(std::span(buffer).first(size)) == text);
      CHECK(from == other.local());
    }
    other.close();
    CHECK(co_await first + co_await second == 20);
  }());
}

TEST_CASE("a task's receive times out, is cut, and fails by the names of the fiber's") {
  run([]() -> task<> {
    udp_socket one(any_port()), other(any_port());
    std::array<std::byte, 4> four;
    std::error_code ec;
    co_await one.async_receive_from(four, 1ms, ec);
    CHECK(ec == std::errc::timed_out);
    bool timed_out = false;
    try {
      co_await one.async_receive_from(four, -1s);
    } catch (const weft::timed_out& e) {
      timed_out = std::string(e.what()).find("receive at udp 127.0.0.1:") != std::string::npos;
    }
    CHECK(timed_out);
    co_await one.async_send_to("too long", other.local());
    const auto [size, from] = co_await other.async_receive_from(four, 20s, ec);
    CHECK(ec == std::errc::message_size);
    CHECK(text_of(std::span(four).first(size)) == "too ");
    CHECK(from == one.local());
    const std::vector<std::byte> huge(70'000);
    co_await one.async_send_to(huge, other.local(), ec);
    CHECK(ec == std::errc::message_size);
    CHECK(co_await one.async_send_to("text", other.local(), ec) == 4);
    CHECK(co_await one.async_send_to("more", other.local(), 20s, ec) == 4);
    CHECK_FALSE(ec);
    one.close();
    co_await one.async_send_to(four, other.local(), ec);
    CHECK(ec == std::errc::bad_file_descriptor);
  }());
}

TEST_CASE("a task that is cancelled while it receives has taken nothing") {
  run(
      []() -> task<> {
        udp_socket one(any_port()), other(any_port());
        std::atomic<bool> begun{false};
        bool was_cancelled = false;
        auto receiver = create_task([](udp_socket& at, std::atomic<bool>& started, bool& seen) -> task<> {
          std::array<std::byte, 64> buffer;
          try {
            started = true;
            co_await at.async_receive_from(buffer);
          } catch (const weft::cancelled&) {
            seen = true;
          }
        }(other, begun, was_cancelled));
        while (!begun) co_await yield();  // on this very worker: it waits by now
        receiver.cancel();
        co_await receiver;
        CHECK(was_cancelled);
        co_await one.async_send_to("still here", other.local());
        std::array<std::byte, 64> buffer;
        CHECK((co_await other.async_receive_from(buffer, 20s)).first == 10);
      }(),
      {.workers = 1});
}
