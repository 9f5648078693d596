// SPDX-License-Identifier: BSL-1.0
// What connections say to who gives them no protocol.
#include <weft/stackless_io/transport.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <system_error>
#include <utility>
#include <weft/stackless.hpp>

#include "net/loopback.hpp"
#include "support/loops.hpp"

using namespace weft::stackless;

TEST_CASE("a connection without a protocol is refused, and its stream stays the caller's") {
  weft::test::on_loops([]() -> task<> {
    weft::net::tcp_listener listener(weft::test::any_port());
    std::error_code refused;
    try {
      (void)co_await create_connection([] { return std::shared_ptr<protocol>(); }, listener.local());
    } catch (const std::system_error& e) {
      refused = e.code();
    }
    CHECK(refused == std::errc::invalid_argument);
    auto stream = co_await weft::net::tcp_stream::async_connect(listener.local());
    CHECK_THROWS_AS((void)adopt_connection(std::move(stream), nullptr), std::system_error);
    CHECK(stream.is_open());  // NOLINT(bugprone-use-after-move): nothing was taken
  });
}
