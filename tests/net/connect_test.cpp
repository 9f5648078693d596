// SPDX-License-Identifier: BSL-1.0
// Connecting over TCP.
#include <doctest/doctest.h>

#include <vector>

#include "net/full_listener.hpp"
#include "net/loopback.hpp"
#include "net/worlds.hpp"

using namespace weft::test;
using namespace weft::net;
using namespace std::chrono_literals;
using weft::timed_out;

TEST_CASE("a refused connect names the address; the form with an error code returns a closed stream") {
  in_both_worlds([](const world&) {
    address nobody;
    {
      const tcp_listener gone(any_port());
      nobody = gone.local();
    }
    const auto e = error_of([&] { static_cast<void>(tcp_stream::connect(nobody)); });
    CHECK(e.code() == std::errc::connection_refused);
    CHECK(contains(e.what(), "connect to " + to_string(nobody)));
    std::error_code ec;
    CHECK_FALSE(tcp_stream::connect(nobody, ec).is_open());
    CHECK(ec == std::errc::connection_refused);
    CHECK_FALSE(tcp_stream::connect(nobody, 1s, ec).is_open());
    const auto nowhere = error_of([] { static_cast<void>(tcp_stream::connect(address())); });
    CHECK(contains(nowhere.what(), "connect to an address that names nothing"));
    const std::vector<address> one(1);
    const auto the_only = error_of([&] { static_cast<void>(tcp_stream::connect(one)); });
    CHECK(contains(the_only.what(), "connect to an address that names nothing"));
    CHECK_FALSE(tcp_stream::connect(address::parse("unix:/x"), ec).is_open());
    CHECK(ec == std::errc::address_family_not_supported);
  });
}

TEST_CASE("who connects to any address of this machine is told which one it was") {
  in_both_worlds([](const world&) {
    tcp_listener listener(any_port());
    const auto c = tcp_stream::connect(address("0.0.0.0", listener.local().port()));
    CHECK(c.remote() == listener.local());
  });
}

TEST_CASE("a connect that nobody answers times out") {
  in_both_worlds([](const world&) {
    full_listener full;
    const auto e = error_of<timed_out>([&] { static_cast<void>(tcp_stream::connect(full.listener.local(), 5ms)); });
    CHECK(e.code() == std::errc::timed_out);
    CHECK(contains(e.what(), "connect to " + to_string(full.listener.local())));
    std::error_code ec;
    CHECK_FALSE(tcp_stream::connect(full.listener.local(), 5ms, ec).is_open());
    CHECK(ec == std::errc::timed_out);
  });
}

TEST_CASE("a connect can be cancelled") {
  on_fibers([](const world& w) {
    full_listener full;
    auto caller = w.start([&] {
      std::error_code ec;
      CHECK_THROWS_AS(static_cast<void>(tcp_stream::connect(full.listener.local(), ec)), weft::cancelled);
    });
    w.until_waiting(1);
    caller.fiber().cancel();
    caller.join();
  });
}
