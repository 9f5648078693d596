// SPDX-License-Identifier: BSL-1.0
// Names of hosts and services, as far as this machine knows them by itself.
#include <doctest/doctest.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <vector>
#include <weft/net/resolve.hpp>

#include "net/worlds.hpp"

using namespace weft::test;
using namespace weft::net;
using namespace std::chrono_literals;

namespace {

std::vector<std::string> texts_of(const std::vector<address>& all) {
  std::vector<std::string> texts;
  for (const auto& a : all) texts.push_back(a.to_string());
  return texts;
}

}  // namespace

TEST_CASE("literals resolve to themselves, with ports by number and by name") {
  in_both_worlds([](const world&) {
    CHECK(texts_of(resolve("127.0.0.1", "80")) == std::vector<std::string>{"127.0.0.1:80"});
    CHECK(texts_of(resolve("::1", "443")) == std::vector<std::string>{"[::1]:443"});
    CHECK(texts_of(resolve("127.0.0.1", "")) == std::vector<std::string>{"127.0.0.1:0"});
    const servent* const known = ::getservbyname("http", "tcp");
    std::error_code ec;
    const auto named = resolve("127.0.0.1", "http", ec);
    if (known)
      CHECK(texts_of(named) == std::vector<std::string>{"127.0.0.1:80"});
    else
      CHECK(ec == resolve_errc::service_not_found);
  });
}

TEST_CASE("localhost and the empty name are this machine, each address once") {
  in_both_worlds([](const world&) {
    for (const char* host : {"localhost", ""}) {
      const auto all = resolve(host, "7");
      CHECK_FALSE(all.empty());
      for (const auto& a : all) {
        CHECK(a.is_loopback());
        CHECK(a.port() == 7);
        CHECK(std::ranges::count(all, a) == 1);
      }
    }
  });
}

TEST_CASE("what does not resolve says which host and which service, in getaddrinfo's own category") {
  in_both_worlds([](const world&) {
    const auto e = error_of([] { static_cast<void>(resolve("127.0.0.1", "no-such-service")); });
    CHECK(e.code() == resolve_errc::service_not_found);
    CHECK(e.code().category() == resolve_category());
    CHECK(contains(e.what(), "resolve \"127.0.0.1\", service \"no-such-service\""));
    CHECK(contains(e.what(), ::gai_strerror(EAI_SERVICE)));
    std::error_code ec;
    for (const char* service : {"65536", "4294967376", "99999999999999999999", "-1", "+80", " 80"}) {
      CAPTURE(service);
      CHECK(resolve("127.0.0.1", service, ec).empty());
      CHECK(ec == resolve_errc::service_not_found);
    }
    CHECK(texts_of(resolve("127.0.0.1", "65535", ec)) == std::vector<std::string>{"127.0.0.1:65535"});
    CHECK(resolve("127.0.0.1", "000080", ec).size() == 1);
    CHECK(resolve("127.0.0.1", "80", ec).size() == 1);
    CHECK_FALSE(ec);
    // Reserved for not existing (RFC 6761); without a name server it is not even asked for.
    CHECK(resolve("no-such-host.invalid", "80", 20s, ec).empty());
    CHECK(ec);
    CHECK(resolve(std::string_view("127.0.0.1\0.example.org", 21), "80", ec).empty());
    CHECK(ec == resolve_errc::host_not_found);
    CHECK(resolve("127.0.0.1", std::string_view("80\0", 3), ec).empty());
    CHECK(ec == resolve_errc::service_not_found);
  });
}

TEST_CASE("the category has a name and the texts of the system") {
  CHECK(std::string(resolve_category().name()) == "weft.resolve");
  const std::error_code code = resolve_errc::try_again;
  CHECK(code.message() == ::gai_strerror(EAI_AGAIN));
}

TEST_CASE("resolve is a cancellation point, and a deadline that has passed is timed_out unless the name is a literal") {
  on_fibers([](const world& w) {
    std::atomic<bool> begun = false;
    auto f = w.start([&] {
      begun = true;
      try {
        weft::this_fiber::sleep_until(weft::never);
      } catch (const weft::cancelled&) {
      }
      std::error_code ec;
      CHECK_THROWS_AS(static_cast<void>(resolve("127.0.0.1", "1", ec)), weft::cancelled);
      CHECK_THROWS_AS(static_cast<void>(resolve("localhost", "1", ec)), weft::cancelled);
    });
    while (!begun) weft::this_fiber::yield();
    f.fiber().cancel();
    f.join();
  });
  on_fibers([](const world&) {
    const auto e = error_of<weft::timed_out>([] { static_cast<void>(resolve("localhost", "1", -1s)); });
    CHECK(contains(e.what(), "resolve \"localhost\""));
    std::error_code ec;
    CHECK(resolve("localhost", "1", -1s, ec).empty());
    CHECK(ec == std::errc::timed_out);
    CHECK(resolve("127.0.0.1", "1", -1s, ec).size() == 1);
    CHECK_FALSE(ec);
  });
}

TEST_CASE("many fibers resolve at once") {
  on_fibers([](const world& w) {
    std::vector<actor> all;
    for (std::size_t i = 0; i < scaled(200, 20); ++i)
      all.push_back(w.start([] { CHECK_FALSE(resolve("localhost", "1").empty()); }));
    for (auto& a : all) a.join();
  });
}
