// SPDX-License-Identifier: BSL-1.0
// How much a connection buffers: its water marks, who is told of them, and what becomes of those who wait, against what
// asyncio documents.
#include <weft/stackless_io/streams.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <weft/stackless.hpp>

#include "net/loopback.hpp"
#include "stackless_io/turns.hpp"
#include "support/loops.hpp"
#include "support/refusal.hpp"

namespace {

using namespace weft::stackless;
using weft::net::address;
using weft::test::on_loops;
using weft::test::refuses;
using weft::test::some_turns;

constexpr std::size_t more_than_the_kernel_keeps = 16'000'000;

struct pauses : protocol {
  int paused = 0, resumed = 0;
  future<> over;
  void pause_writing() override { ++paused; }
  void resume_writing() override { ++resumed; }
  void connection_lost(std::exception_ptr) override { over.set_result(); }
};

template <class What> task<std::error_code> error_of_task(What what) {
  try {
    (void)co_await std::move(what);
  } catch (const std::system_error& e) {
    co_return e.code();
  }
  co_return std::error_code();
}

}  // namespace

TEST_CASE("water marks: one follows the other, and the high one is not below the low one") {
  on_loops([]() -> task<> {
    weft::test::tcp_pair both;
    const auto listens = std::make_shared<pauses>();
    transport over = adopt_connection(std::move(both.server), listens);
    const auto are = [&over](std::size_t low, std::size_t high) {
      const auto now = over.get_write_buffer_limits();
      return now.low == low && now.high == high;
    };
    CHECK(are(16 << 10, 64 << 10));
    over.set_write_buffer_limits(1000);
    CHECK(are(250, 1000));
    over.set_write_buffer_limits({}, 100);
    CHECK(are(100, 400));
    over.set_write_buffer_limits(7, 7);
    CHECK(are(7, 7));
    CHECK(refuses(std::errc::invalid_argument, "high-water mark", [&] { over.set_write_buffer_limits(6, 7); }));
    CHECK(are(7, 7));
    over.set_write_buffer_limits();
    CHECK(are(16 << 10, 64 << 10));
    over.close();
    co_await listens->over;
  });
}

TEST_CASE("a protocol is told once to pause, however much more is written, and once to go on") {
  on_loops([]() -> task<> {
    weft::test::tcp_pair both;
    const auto listens = std::make_shared<pauses>();
    transport over = adopt_connection(std::move(both.server), listens);
    over.set_write_buffer_limits(1000);
    over.write(std::string(1000, 'x'));
    CHECK(listens->paused == 0);  // as much as the mark says, and no more
    co_await some_turns();
    over.write(std::string(more_than_the_kernel_keeps, 'y'));
    over.write("z");
    co_await some_turns();
    CHECK(listens->paused == 1);
    CHECK(listens->resumed == 0);
    std::string got;
    auto reads = to_thread([&] { got = weft::test::read_text(both.client, more_than_the_kernel_keeps + 1001); });
    co_await reads;
    while (over.get_write_buffer_size() > 0) co_await yield();
    CHECK(listens->paused == 1);
    CHECK(listens->resumed == 1);
    CHECK(got == std::string(1000, 'x') + std::string(more_than_the_kernel_keeps, 'y') + "z");
    over.close();
    co_await listens->over;
  });
}

TEST_CASE("who drains, reads, or waits for the end hears with what the connection was lost") {
  on_loops([]() -> task<> {
    weft::net::tcp_listener at(weft::test::any_port());
    auto [reader, writer] = co_await open_connection(at.local());
    auto peer = co_await at.async_accept();
    auto& loop = get_running_loop();
    writer.write(std::string(more_than_the_kernel_keeps, 'x'));
    auto drains = loop.create_task(error_of_task(writer.drain()));
    auto reads = loop.create_task(error_of_task(reader.read()));
    auto ends = loop.create_task(error_of_task(writer.wait_closed()));
    co_await some_turns();
    CHECK_FALSE(drains.done());
    weft::test::reset_on_close(peer);
    peer.close();
    for (auto& each : {drains, reads, ends}) CHECK(co_await each == std::errc::connection_reset);
    CHECK(co_await error_of_task(writer.drain()) == std::errc::connection_reset);
    CHECK(co_await error_of_task(reader.readline()) == std::errc::connection_reset);
    CHECK(writer.is_closing());
    writer.write("dropped");
  });
}
