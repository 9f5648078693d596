// SPDX-License-Identifier: BSL-1.0
// serve: how it ends, and what becomes of its connections.
#include <doctest/doctest.h>

#include <atomic>
#include <vector>

#include "net/serving.hpp"

using namespace weft::test;
using namespace weft::net;
using namespace std::chrono_literals;

TEST_CASE("cancelled without grace, all connections are cancelled and have ended when serve returns") {
  on_fibers([](const world&) {
    std::atomic<int> begun{0}, cancelled{0};
    running server([&](tcp_stream s) {
      ++begun;
      try {
        echo(std::move(s));
      } catch (const weft::cancelled&) {
        ++cancelled;
        throw;
      }
    });
    std::vector<tcp_stream> clients(50);
    for (auto& c : clients) {
      c = server.connect();
      CHECK(ask(c, "x") == "x");
    }
    server.stop();
    CHECK(begun == 50);
    CHECK(cancelled == 50);
    for (auto& c : clients) CHECK(read_to_end(c).empty());
  });
}

TEST_CASE("within the grace connections go on; those that end are not cancelled, nor is anybody new accepted") {
  on_fibers([](const world& w) {
    std::atomic<bool> finished{false};
    running server(
        [&](tcp_stream s) {
          CHECK(read_text(s, 4) == "last");
          weft::this_fiber::check_cancelled();
          s.write_all("done");
          finished = true;
        },
        {.grace = 1h});
    auto c = server.connect();
    w.until_waiting(2);  // the acceptor and the handler
    server.server().cancel();
    w.until_waiting(1);
    auto late = server.connect();  // the kernel takes it, serve does not
    c.write_all("last");
    CHECK(read_text(c, 4) == "done");
    CHECK(error_of([&] { server.server().join(); }).code() == std::errc::operation_canceled);
    CHECK(finished);
    CHECK(server.listener().accept(0s).is_open());
  });
}

TEST_CASE("when the grace is over, those that are left are cancelled") {
  on_fibers([](const world& w) {
    std::atomic<bool> cancelled{false};
    running server(
        [&](tcp_stream s) {
          try {
            echo(std::move(s));
          } catch (const weft::cancelled&) {
            cancelled = true;
          }
        },
        {.grace = 5ms});
    auto c = server.connect();
    CHECK(ask(c, "x") == "x");
    w.until_waiting(2);
    server.stop();
    CHECK(cancelled);
  });
}

TEST_CASE("a listener that is closed lets the connections end by themselves, then serve returns") {
  on_fibers([](const world&) {
    running server(echo);
    auto c = server.connect();
    CHECK(ask(c, "x") == "x");
    server.listener().close();
    CHECK(ask(c, "still there") == "still there");
    CHECK_FALSE(server.server().done());
    c.shutdown_write();
    server.server().join();
  });
}

TEST_CASE("a handler that outlives a cancellation is waited for") {
  on_fibers([](const world&) {
    bool cleaned = false;
    running server([&](tcp_stream s) {
      try {
        echo(std::move(s));
      } catch (const weft::cancelled&) {
        weft::shield([] { weft::this_fiber::sleep_for(2ms); });
        cleaned = true;
        throw;
      }
    });
    auto c = server.connect();
    CHECK(ask(c, "x") == "x");
    server.stop();
    CHECK(cleaned);
  });
}

TEST_CASE("the end of the runtime ends a server with all its connections") {
  tcp_stream c;
  on_fibers([&](const world&) {
    weft::go([] {
      tcp_listener listener(any_port());
      serve(listener, echo, {.grace = 0s});
    });
    running server(echo);
    c = server.connect();
    CHECK(ask(c, "x") == "x");
  });
  CHECK(read_to_end(c).empty());
}
