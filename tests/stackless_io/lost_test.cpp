// SPDX-License-Identifier: BSL-1.0
// Connections that are lost or dropped, and such that do not read.
#include <weft/stackless_io/streams.hpp>

#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <weft/stackless.hpp>

#include "net/loopback.hpp"
#include "stackless_io/turns.hpp"
#include "support/loops.hpp"

namespace {

using namespace weft::stackless;
using weft::net::address;
using weft::test::on_loops;

const address some_port = address::parse("127.0.0.1:0");

struct collector : protocol {
  std::string got;
  bool is_paused = false;
  future<> over;
  void data_received(std::span<const std::byte> data) override {
    got.append(reinterpret_cast<const char*>(data.data()), data.size());
  }
  void connection_lost(std::exception_ptr) override { over.set_result(); }
  void pause_writing() override { is_paused = true; }
  void resume_writing() override { is_paused = false; }
};

constexpr std::size_t enough = 1'000;

task<> say_enough(stream_reader, stream_writer writer) {
  writer.write(std::string(enough, 'x'));
  writer.close();
  co_await writer.wait_closed();
}

task<> say_enough_and_go(stream_reader, stream_writer writer) {
  writer.write(std::string(enough, 'x'));
  co_await yield();
}

}  // namespace

TEST_CASE("what a closed connection had brought can be read, also where it was too much to go on reading") {
  on_loops([]() -> task<> {
    constexpr std::size_t limit = 16;
    auto serving = co_await start_server(say_enough, some_port);
    auto [reader, writer] = co_await open_connection(serving.local(), limit);
    while (writer.get_transport().is_reading()) co_await yield();
    writer.close();
    co_await writer.wait_closed();
    static_cast<void>(stream_writer(std::move(writer)));  // nobody has the connection
    std::string read = co_await reader.readexactly(2 * limit);
    read += co_await reader.read();
    CHECK(read == std::string(enough, 'x'));
    CHECK(reader.at_eof());
    serving.close();
    co_await serving.wait_closed();
  });
}

TEST_CASE("a read that waits throws what the stream has failed with, and gives what came before it") {
  on_loops([]() -> task<> {
    const auto broken = std::make_exception_ptr(std::runtime_error("broken"));
    auto& loop = get_running_loop();
    stream_reader r;
    auto reads = loop.create_task(r.read(4));
    co_await yield();
    r.set_exception(broken);
    CHECK_THROWS_AS(co_await reads, std::runtime_error);

    stream_reader s;
    auto gets = loop.create_task(s.read(4));
    co_await yield();
    s.feed_data("last");
    s.set_exception(broken);
    CHECK(co_await gets == "last");
    CHECK_THROWS_AS(co_await s.read(4), std::runtime_error);
  });
}

TEST_CASE("a transport that does not read passes nothing on, also of what it waited for before") {
  on_loops([]() -> task<> {
    weft::test::tcp_pair told, other;
    const auto listens = std::make_shared<collector>();
    transport over = adopt_connection(std::move(told.server), listens);
    const auto reads_one = [](weft::net::tcp_stream& from) -> task<> {
      std::array<std::byte, 1> one;
      co_await from.async_read_some(one);
    };
    auto later = get_running_loop().create_task(reads_one(other.server));
    co_await weft::test::some_turns();  // both wait
    over.pause_reading();
    told.client.write_all("early");
    other.client.write_all("x");
    co_await later;
    co_await weft::test::some_turns();
    CHECK(listens->got == "");
    over.resume_reading();
    while (listens->got.size() < 5) co_await yield();
    CHECK(listens->got == "early");
    over.close();
    co_await listens->over;
  });
}

TEST_CASE("water marks of a lost connection concern nobody") {
  on_loops([]() -> task<> {
    constexpr std::size_t much = 20'000'000;
    weft::test::tcp_pair both;
    const auto listens = std::make_shared<collector>();
    transport over = adopt_connection(std::move(both.server), listens);
    over.set_write_buffer_limits(2 * much);
    over.write(std::string(much, 'x'));
    co_await weft::test::some_turns();
    over.abort();
    co_await listens->over;
    over.set_write_buffer_limits(0);
    CHECK(over.get_write_buffer_limits().high == 0);
  });
}

TEST_CASE("an aborted connection has nothing more to write, and its protocol is not told to go on") {
  on_loops([]() -> task<> {
    weft::test::tcp_pair both, other;
    const auto listens = std::make_shared<collector>();
    transport over = adopt_connection(std::move(both.server), listens);
    over.set_write_buffer_limits(0);
    std::size_t said = 0;
    for (constexpr std::size_t part = 50'000; over.get_write_buffer_size() == 0; said += part) {
      over.write(std::string(part, 'x'));
      co_await weft::test::some_turns();
    }
    CHECK(listens->is_paused);
    auto aborts = get_running_loop().create_task([](weft::net::tcp_stream& from, transport at) -> task<> {
      std::array<std::byte, 1> one;
      co_await from.async_read_some(one);
      at.abort();
      CHECK(at.get_write_buffer_size() == 0);
    }(other.server, over));
    co_await weft::test::some_turns();  // both wait
    other.client.write_all("x");
    (void)weft::test::read_text(both.client, said - over.get_write_buffer_size());
    co_await aborts;
    co_await listens->over;
    CHECK(listens->is_paused);
  });
}

TEST_CASE("a connection that nobody has closed ends with its loop") {
  struct listener : protocol {
    int lost = 0;
    void connection_lost(std::exception_ptr) override { ++lost; }
  };
  const auto listens = std::make_shared<listener>();
  weft::test::tcp_pair both;
  event_loop loop;
  loop.run_until_complete([&]() -> task<> {
    (void)adopt_connection(std::move(both.server), listens);
    co_await weft::test::some_turns();
  }());
  CHECK(listens->lost == 0);
  loop.close();
  REQUIRE(listens->lost == 1);
  std::array<std::byte, 1> one;
  CHECK(both.client.read_some(one) == 0);
}

TEST_CASE("a writer whose last copy goes closes its connection, when all is written") {
  on_loops([]() -> task<> {
    auto serving = co_await start_server(say_enough_and_go, some_port);
    {
      auto [reader, writer] = co_await open_connection(serving.local());
      CHECK((co_await reader.read()).size() == enough);
    }
    serving.close();
    co_await serving.wait_closed();
  });
}

TEST_CASE("who waits until a writer is closed does not keep it open") {
  on_loops([]() -> task<> {
    auto serving = co_await start_server(say_enough_and_go, some_port);
    auto both = std::make_unique<reader_and_writer>(co_await open_connection(serving.local()));
    auto closed = get_running_loop().create_task(both->second.wait_closed());
    co_await yield();
    CHECK_FALSE(closed.done());
    both.reset();
    co_await closed;
    serving.close();
    co_await serving.wait_closed();
  });
}

TEST_CASE("a writer may go on another thread") {
  on_loops([]() -> task<> {
    auto serving = co_await start_server(say_enough_and_go, some_port);
    auto both = co_await open_connection(serving.local());
    auto dropped = std::make_unique<stream_writer>(std::move(both.second));
    co_await to_thread([&dropped] { dropped.reset(); });
    (void)co_await both.first.read();
    CHECK(both.first.at_eof());
    serving.close();
    co_await serving.wait_closed();
  });
}

TEST_CASE("a writer that goes after its loop leaves nothing of a connection whose peer had ended") {
  std::optional<reader_and_writer> goes_late;
  weft::net::tcp_listener at(some_port);
  weft::net::tcp_stream peer;
  {
    event_loop loop;
    loop.run_until_complete([&]() -> task<> {
      goes_late = co_await open_connection(at.local());
      peer = co_await at.async_accept();
      peer.shutdown_write();
      CHECK(co_await goes_late->first.read() == "");
    }());
  }
  goes_late.reset();
  std::array<std::byte, 1> one;
  CHECK(peer.read_some(one) == 0);
}
