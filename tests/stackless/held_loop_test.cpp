// SPDX-License-Identifier: BSL-1.0
// Descriptors that a loop has waited for, while nobody runs that loop: others go on with them.
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <system_error>
#include <weft/net/unix_stream.hpp>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "support/scale.hpp"

namespace {

using namespace std::chrono_literals;
using weft::net::unix_stream;
using weft::stackless::create_task;
using weft::stackless::event_loop;
using weft::stackless::task;

task<> waits_in_vain(unix_stream& in) {
  std::array<std::byte, 1> one;
  std::error_code ec;
  CHECK(co_await in.async_read_some(one, 1ms, ec) == 0);
  CHECK(ec == std::errc::timed_out);
}

task<> reads_one(unix_stream& in) {
  std::array<std::byte, 1> one;
  CHECK(co_await in.async_read_some(one) == 1);
}

task<> passes_one(unix_stream& from, unix_stream& to) {
  auto reader = create_task(reads_one(to));
  for (int i = 0; i < 3; ++i) co_await weft::stackless::yield();  // it waits
  co_await from.async_write_all("x");
  co_await reader;
}

}  // namespace

TEST_CASE("what one loop has waited for is heard by the next, although nobody runs the first") {
  auto [from, to] = unix_stream::pair();
  event_loop first, second;
  first.run_until_complete(waits_in_vain(to));
  second.run_until_complete(passes_one(from, to));
  first.run_until_complete(passes_one(from, to));
}

TEST_CASE("what a loop has waited for is heard by fibers, although nobody runs the loop") {
  auto [from, to] = unix_stream::pair();
  event_loop loop;
  loop.run_until_complete(waits_in_vain(to));
  weft::options with;
  with.workers = 1;
  weft::run(
      [&, &from = from, &to = to] {
        auto reader = weft::spawn([&] {
          std::array<std::byte, 1> one;
          CHECK(to.read_some(one) == 1);
        });
        for (int i = 0; i < 3; ++i) weft::this_fiber::yield();  // it waits
        from.write_all("x");
        reader.join();
      },
      with);
}

TEST_CASE("a task that waits while nobody runs its loop hears afterwards of what has come") {
  auto [from, to] = unix_stream::pair();
  event_loop loop;
  bool heard = false;
  const auto hears = [](unix_stream& in, bool& done) -> task<> {
    co_await reads_one(in);
    done = true;
  };
  auto reader = loop.create_task(hears(to, heard));
  loop.call_soon([&] { loop.call_soon([&] { loop.stop(); }); });
  loop.run_forever();
  from.write_all("x");
  CHECK_FALSE(heard);
  loop.run_until_complete(weft::stackless::future<>(reader));
  CHECK(heard);
}

TEST_CASE("one descriptor has readers at two loops, of which one is run at a time") {
  std::array<int, 2> ends{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) == 0);
  event_loop first, second;
  int calls = 0;
  const auto read_at = [&](event_loop& loop) {
    loop.add_reader(ends[0], [&] {
      char taken = 0;
      calls += ::read(ends[0], &taken, 1) == 1;
      loop.stop();
    });
  };
  read_at(first);
  read_at(second);
  for (event_loop* loop : {&first, &second, &first, &second}) {
    loop->call_soon([&] { loop->call_soon([&] { CHECK(::write(ends[1], "x", 1) == 1); }); });
    loop->run_forever();
  }
  CHECK(calls == 4);
  for (event_loop* loop : {&first, &second}) {
    CHECK(loop->remove_reader(ends[0]));
    loop->close();
  }
  for (const int end : ends) ::close(end);
}

TEST_CASE("a task that waits for input does not take the end of the loop that listens for it") {
  auto [from, to] = unix_stream::pair();
  event_loop first, second;
  first.run_until_complete(waits_in_vain(to));
  const auto waits = [](unix_stream& in) -> task<> {
    std::array<std::byte, 1> one;
    std::error_code ec;
    co_await in.async_wait_readable();
    CHECK(in.try_read_some(one, ec) == 1);
    CHECK_FALSE(ec);
  };
  auto reader = second.create_task(waits(to));
  second.call_soon([&] { second.call_soon([&] { second.stop(); }); });
  second.run_forever();
  first.close();
  second.call_soon([&] { second.call_soon([&] { second.stop(); }); });
  second.run_forever();
  from.write_all("x");
  second.run_until_complete(weft::stackless::future<>(reader));
}
