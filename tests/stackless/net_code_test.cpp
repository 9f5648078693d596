// SPDX-License-Identifier: BSL-1.0
// The forms of asynchronous operations that say in an error code what the others throw.
#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <span>
#include <string>
#include <system_error>
#include <weft/net/tcp_listener.hpp>
#include <weft/net/unix_listener.hpp>
#include <weft/stackless.hpp>

#include "net/loopback.hpp"
#include "support/temporary.hpp"

namespace {

using namespace std::chrono_literals;
using weft::net::address;
using weft::net::tcp_stream;
using weft::net::unix_stream;
using weft::stackless::task;

}  // namespace

TEST_CASE("a whole or partial read or write of a task says in a code how it ended") {
  weft::stackless::run([]() -> task<> {
    auto [one, other] = unix_stream::pair();
    const auto bytes = std::as_bytes(std::span("abcd", 4));
    std::array<std::byte, 4> room;
    std::error_code ec = std::make_error_code(std::errc::io_error);
    CHECK(co_await one.async_write_some(bytes, ec) == 4);
    CHECK_FALSE(ec);
    CHECK(co_await other.async_read_exact(room, ec) == 4);
    CHECK_FALSE(ec);
    CHECK(co_await one.async_write_some(bytes, 20s) == 4);
    CHECK(co_await one.async_write_some(bytes, 20s, ec) == 4);
    CHECK(co_await one.async_write_all(bytes, 20s) == 4);
    CHECK(co_await one.async_write_all(bytes, ec) == 4);
    CHECK(co_await one.async_write_all("abcd", ec) == 4);
    CHECK(co_await one.async_write_all("abcd", 20s, ec) == 4);
    CHECK_FALSE(ec);
    for (int i = 0; i < 6; ++i) {
      CHECK(co_await other.async_read_exact(room, ec) == 4);
      CHECK_FALSE(ec);
      CHECK(weft::test::text_of(room) == "abcd");
    }
    co_await one.async_wait_writable(ec);
    CHECK_FALSE(ec);
    co_await one.async_wait_writable(20s, ec);
    CHECK_FALSE(ec);
    const auto much = weft::test::pattern(10'000'000);
    CHECK(co_await one.async_write_all(much, 1ms, ec) < much.size());
    CHECK(ec == std::errc::timed_out);
    CHECK(co_await one.async_write_some(much, 1ms, ec) == 0);
    CHECK(ec == std::errc::timed_out);
    co_await one.async_wait_writable(1ms, ec);
    CHECK(ec == std::errc::timed_out);
    other.close();
    CHECK(co_await one.async_write_all("x", ec) == 0);
    CHECK(ec == std::errc::broken_pipe);
    one.close();
    co_await one.async_wait_writable(ec);
    CHECK(ec == std::errc::bad_file_descriptor);
    CHECK(co_await one.async_read_exact(room, ec) == 0);
    CHECK(ec == std::errc::bad_file_descriptor);
  }());
}

TEST_CASE("a connect or an accept of a task says in a code how it ended") {
  weft::stackless::run([]() -> task<> {
    const weft::test::temporary_directory directory;
    const auto path = address::parse("unix:" + directory.file("socket"));
    std::error_code ec;
    CHECK_FALSE((co_await unix_stream::async_connect(path, ec)).is_open());
    CHECK(ec == std::errc::no_such_file_or_directory);
    CHECK_FALSE((co_await unix_stream::async_connect(path, 20s, ec)).is_open());
    CHECK(ec == std::errc::no_such_file_or_directory);
    weft::net::unix_listener listener(path);
    CHECK_FALSE((co_await listener.async_accept(1ms, ec)).is_open());
    CHECK(ec == std::errc::timed_out);
    const unix_stream one = co_await unix_stream::async_connect(path, ec);
    CHECK_FALSE(ec);
    CHECK((co_await listener.async_accept(ec)).is_open());
    CHECK_FALSE(ec);
    const unix_stream other = co_await unix_stream::async_connect(path, 20s, ec);
    CHECK((co_await listener.async_accept(20s, ec)).is_open());
    CHECK_FALSE(ec);
    listener.close();
    CHECK_FALSE((co_await listener.async_accept(ec)).is_open());
    CHECK(ec == std::errc::bad_file_descriptor);

    address gone;
    {
      weft::net::tcp_listener open(weft::test::any_port());
      gone = open.local();
      CHECK((co_await tcp_stream::async_connect(gone, 20s, ec)).is_open());
      CHECK_FALSE(ec);
    }
    CHECK_FALSE((co_await tcp_stream::async_connect(gone, 20s, ec)).is_open());
    CHECK(ec == std::errc::connection_refused);
  }());
}
