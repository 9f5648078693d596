// SPDX-License-Identifier: BSL-1.0
// Connections whose peer sends no more, and that stay open for writing.
#include <weft/stackless_io/transport.hpp>

#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <optional>
#include <utility>
#include <weft/stackless.hpp>

#include "net/loopback.hpp"
#include "stackless_io/turns.hpp"
#include "support/loops.hpp"

namespace {

using namespace weft::stackless;
using weft::test::on_loops;

struct half_open : protocol {
  std::optional<transport> over;  // if it keeps it
  bool at_end = false, is_lost = false;
  std::exception_ptr why;
  bool eof_received() override {
    at_end = true;
    return true;
  }
  void connection_lost(std::exception_ptr error) override {
    is_lost = true;
    why = std::move(error);
  }
};

}  // namespace

TEST_CASE("a half-open connection ends with its loop, also if its protocol keeps the transport") {
  const auto listens = std::make_shared<half_open>();
  weft::test::tcp_pair both;
  event_loop loop;
  loop.run_until_complete([&]() -> task<> {
    listens->over = adopt_connection(std::move(both.server), listens);
    both.client.shutdown_write();
    while (!listens->at_end) co_await yield();
    co_await weft::test::some_turns();
    listens->over->write("x");
    co_await weft::test::some_turns();
  }());
  CHECK(weft::test::read_text(both.client, 1) == "x");
  CHECK_FALSE(listens->is_lost);
  loop.close();
  CHECK(listens->is_lost);
  listens->over.reset();
  CHECK(weft::test::read_to_end(both.client).empty());
}

TEST_CASE("a half-open connection ends when nobody has the transport") {
  on_loops([]() -> task<> {
    weft::test::tcp_pair both;
    (void)adopt_connection(std::move(both.server), std::make_shared<half_open>());
    both.client.shutdown_write();
    std::array<std::byte, 1> one;
    CHECK(co_await both.client.async_read_some(one) == 0);
  });
}

TEST_CASE("who ends a half-open connection that was reset meanwhile hears of it when that is lost") {
  on_loops([]() -> task<> {
    const auto listens = std::make_shared<half_open>();
    weft::test::tcp_pair both;
    transport over = adopt_connection(std::move(both.server), listens);
    both.client.shutdown_write();
    while (!listens->at_end) co_await yield();
    weft::test::reset_on_close(both.client);
    both.client.close();
    over.write_eof();
    co_await weft::test::some_turns();
    over.close();
    while (!listens->is_lost) co_await yield();
    CHECK(listens->why != nullptr);
  });
}
