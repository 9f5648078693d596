// SPDX-License-Identifier: BSL-1.0
// Listening and accepting, over TCP.
#include <doctest/doctest.h>
#include <fcntl.h>

#include <atomic>
#include <vector>

#include "net/loopback.hpp"
#include "net/worlds.hpp"

using namespace weft::test;
using namespace weft::net;
using namespace std::chrono_literals;
using weft::timed_out;

TEST_CASE("a port in use is refused by name") {
  in_both_worlds([](const world&) {
    const tcp_listener first(any_port());
    const auto e = error_of([&] { tcp_listener second(first.local()); });
    CHECK(e.code() == std::errc::address_in_use);
    CHECK(contains(e.what(), "listen on " + to_string(first.local())));
    std::error_code ec;
    const tcp_listener third(first.local(), {}, ec);
    CHECK(ec == std::errc::address_in_use);
    CHECK_FALSE(third.is_open());
    CHECK_FALSE(tcp_listener(first.local(), ec).is_open());
    CHECK(ec == std::errc::address_in_use);
    CHECK(tcp_listener(any_port(), ec).is_open());
    CHECK_FALSE(ec);
    CHECK_THROWS_AS(tcp_listener(address::parse("192.0.2.1:80")), std::system_error);
    CHECK_THROWS_AS(tcp_listener(address::parse("unix:/tmp/x")), std::system_error);
    const auto nowhere = error_of([] { tcp_listener{address()}; });
    CHECK(nowhere.code() == std::errc::address_family_not_supported);
    CHECK(contains(nowhere.what(), "listen on an address that names nothing"));
  });
}

TEST_CASE("a listener that is gone leaves its port to the next, and to several if they share") {
  in_both_worlds([](const world&) {
    address where;
    {
      tcp_listener first(any_port());
      where = first.local();
      auto c = tcp_stream::connect(where);
      auto s = first.accept();
      s.close();
    }
    tcp_listener second(where, {.reuse_port = true});
    tcp_listener third(where, {.reuse_port = true});
    CHECK(third.local() == where);
  });
}

TEST_CASE("connections that wait in the backlog are all accepted") {
  in_both_worlds([](const world&) {
    tcp_listener listener(any_port());
    std::vector<tcp_stream> clients;
    for (int i = 0; i < 200; ++i) {
      clients.push_back(tcp_stream::connect(listener.local()));
      clients.back().write_all(std::to_string(i) + "\n");
      clients.back().shutdown_write();
    }
    std::vector<bool> seen(200);
    for (int i = 0; i < 200; ++i) {
      auto s = listener.accept(0s);
      seen[static_cast<std::size_t>(std::stoi(read_to_end(s)))] = true;
    }
    CHECK(std::count(seen.begin(), seen.end(), true) == 200);
    CHECK_THROWS_AS(static_cast<void>(listener.accept(0s)), timed_out);
  });
}

TEST_CASE("an accept that times out did not happen; the form with an error code returns a closed stream") {
  in_both_worlds([](const world&) {
    tcp_listener listener(any_port());
    const auto e = error_of<timed_out>([&] { static_cast<void>(listener.accept(2ms)); });
    CHECK(contains(e.what(), "accept on " + to_string(listener.local())));
    std::error_code ec;
    CHECK_FALSE(listener.accept(-1s, ec).is_open());
    CHECK(ec == std::errc::timed_out);
    auto c = tcp_stream::connect(listener.local());
    CHECK(listener.accept(ec).is_open());
    CHECK_FALSE(ec);
  });
}

TEST_CASE("several may accept from one listener; each connection goes to one of them") {
  in_both_worlds([](const world& w) {
    tcp_listener listener(any_port());
    std::atomic<int> accepted{0};
    std::vector<actor> acceptors;
    for (int i = 0; i < 4; ++i)
      acceptors.push_back(w.start([&] {
        for (std::error_code ec;;) {
          auto s = listener.accept(ec);
          if (ec) {
            CHECK((ec == std::errc::operation_canceled || ec == std::errc::bad_file_descriptor));
            CHECK_FALSE(s.is_open());
            return;
          }
          ++accepted;
          s.write_all("x");
        }
      }));
    w.until_waiting(4);
    for (int i = 0; i < 100; ++i) {
      auto c = tcp_stream::connect(listener.local());
      CHECK(read_to_end(c) == "x");
    }
    w.until_waiting(4);
    listener.close();
    for (auto& a : acceptors) a.join();
    CHECK(accepted == 100);
    const auto e = error_of([&] { static_cast<void>(listener.accept()); });
    CHECK(e.code() == std::errc::bad_file_descriptor);
    CHECK(contains(e.what(), "accept on 127.0.0.1:"));
    CHECK(contains(error_of([] { static_cast<void>(tcp_listener().accept()); }).what(), "never opened"));
  });
}

TEST_CASE("an accept without a free fd says so, and the connection waits for the next") {
  in_both_worlds([](const world&) {
    tcp_listener listener(any_port());
    auto c = tcp_stream::connect(listener.local());
    std::error_code ec;
    {
      const few_fds none(0);
      CHECK_FALSE(listener.accept(ec).is_open());
      CHECK(ec == std::errc::too_many_files_open);
      CHECK_FALSE(tcp_stream::connect(listener.local(), ec).is_open());
      CHECK(ec == std::errc::too_many_files_open);
      CHECK_THROWS_AS(tcp_listener{any_port()}, std::system_error);
    }
    CHECK(listener.accept(0s).is_open());
  });
}

TEST_CASE("a thread without a free fd still waits, and still hears of a close") {
  const world w(false);
  tcp_pair p;
  std::atomic<pid_t> who{0};
  std::atomic<bool> again{false};
  auto reader = w.start([&] {
    who = ::gettid();
    CHECK(read_text(p.server, 1) == "x");
    again = true;
    std::byte one[1];
    CHECK(error_of([&] { static_cast<void>(p.server.read_some(one)); }).code() == std::errc::operation_canceled);
  });
  while (!who) std::this_thread::yield();
  // Looking through /proc needs an fd that must be there before they run out.
  const int file = ::open(("/proc/self/task/" + std::to_string(who) + "/syscall").c_str(), O_RDONLY | O_CLOEXEC);
  {
    const few_fds none(0);
    p.client.write_all("x");
    while (!again) std::this_thread::yield();
    for (char text[64] = {}; std::atol(text) != SYS_ppoll;) CHECK(::pread(file, text, sizeof text - 1, 0) > 0);
    p.server.close();
    reader.join();
  }
  ::close(file);
}

TEST_CASE("an IPv6 listener takes IPv4 connections unless told not to") {
  std::error_code ec;
  tcp_listener both(address("::", 0), {}, ec);
  if (ec) {
    skip("this machine has no IPv6");
    return;
  }
  auto c = tcp_stream::connect(any_port().with_port(both.local().port()));
  CHECK(both.accept().remote().ip() == "::ffff:127.0.0.1");
  const tcp_listener only(address("::", 0), {.v6_only = true});
  static_cast<void>(tcp_stream::connect(any_port().with_port(only.local().port()), ec));
  CHECK(ec == std::errc::connection_refused);
}

TEST_CASE("a cancelled accept takes no connection with it") {
  on_fibers([](const world& w) {
    for (std::size_t i = 0; i < scaled(300, 30); ++i) {
      tcp_listener listener(any_port());
      tcp_stream accepted;
      auto acceptor = w.start([&] {
        std::error_code ec;
        accepted = listener.accept(ec);
      });
      if (i % 2) w.until_waiting(1);
      acceptor.fiber().cancel();
      auto c = tcp_stream::connect(listener.local());
      try {
        acceptor.join();
        CHECK(accepted.is_open());
      } catch (const std::system_error&) {
        CHECK_FALSE(accepted.is_open());
        CHECK(listener.accept(0s).is_open());
      }
    }
  });
}
