// SPDX-License-Identifier: BSL-1.0
// Channels between fibers: what goes through, in which order, what closing and deadlines do.
#include <weft/sync/channel.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <string>
#include <utility>
#include <vector>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "support/refusal.hpp"
#include "support/simulated.hpp"
#include "sync/channels.hpp"
#include "sync/values.hpp"

using namespace std::chrono_literals;
using weft::channel;
using weft::test::ignore;
using weft::test::refuses;
using weft::test::simulate;
using weft::test::throws_closed;
using weft::test::token;

TEST_CASE("a rendezvous sender goes on only when its value was received") {
  simulate([] {
    channel<int> c;
    bool sent = false;
    auto sender = weft::spawn([&] {
      c.send(1);
      sent = true;
    });
    weft::this_fiber::sleep_for(1s);
    CHECK(!sent);
    CHECK(c.size() == 0);
    CHECK(c.receive() == 1);
    sender.join();
    CHECK(sent);
    CHECK(!c.try_send(2));
    CHECK(c.try_receive() == std::nullopt);
  });
}

TEST_CASE("a buffered channel holds as many values as its capacity, then senders wait") {
  simulate([] {
    channel<int> c(3);
    CHECK(c.capacity() == 3);
    int sent = 0;
    auto sender = weft::spawn([&] {
      for (; sent < 5; ++sent) c.send(sent);
    });
    weft::this_fiber::sleep_for(1s);
    CHECK(sent == 3);
    CHECK(c.size() == 3);
    CHECK(!c.try_send(9));
    CHECK(c.receive() == 0);
    CHECK(c.size() == 3);  // the sender's value has moved in
    weft::this_fiber::sleep_for(1s);
    CHECK(sent == 4);
    for (int i = 1; i < 5; ++i) CHECK(c.receive() == i);
    sender.join();
    CHECK(c.size() == 0);
  });
}

TEST_CASE("values come out in the order in which they went in, round and round the ring") {
  simulate([] {
    for (std::size_t capacity : {0, 1, 2, 7}) {
      channel<int> c(capacity);
      auto sender = weft::spawn([&] {
        for (int i = 0; i < 50; ++i) c.send(i);
        c.close();
      });
      int next = 0;
      for (const int value : c) CHECK(value == next++);
      CHECK(next == 50);
      sender.join();
    }
  });
}

TEST_CASE("those who wait are served in the order in which they came") {
  simulate([] {
    for (std::size_t capacity : {0, 2}) {
      channel<int> c(capacity);
      std::vector<weft::fiber<>> all;
      std::vector<int> order;
      for (int i = 0; i < 5; ++i) {
        all.push_back(weft::spawn([&, i] {
          c.receive();
          order.push_back(i);
        }));
        weft::this_fiber::sleep_for(1s);
      }
      for (int i = 0; i < 5; ++i) {
        c.send(i);
        weft::this_fiber::sleep_for(1s);
      }
      CHECK(order == std::vector{0, 1, 2, 3, 4});
      for (auto& f : all) f.join();
      all.clear();
      while (c.try_send(-1)) {
      }
      for (int i = 0; i < 5; ++i) {
        all.push_back(weft::spawn([&, i] { c.send(i); }));
        weft::this_fiber::sleep_for(1s);
      }
      for (std::size_t i = 0; i < capacity; ++i) CHECK(c.receive() == -1);
      for (int i = 0; i < 5; ++i) CHECK(c.receive() == i);
      for (auto& f : all) f.join();
    }
  });
}

TEST_CASE("many senders and receivers get every value through once") {
  simulate([] {
    for (std::size_t capacity : {0, 1, 3}) {
      channel<int> c(capacity);
      std::vector<int> got;
      weft::with_scope([&](weft::scope& s) {
        auto senders = std::make_shared<int>(4);
        for (int i = 0; i < 4; ++i) {
          s.spawn([&c, i, senders] {
            for (int j = 0; j < 10; ++j) c.send(i * 10 + j);
            if (--*senders == 0) c.close();
          });
        }
        for (int i = 0; i < 3; ++i) {
          s.spawn([&] {
            for (const int value : c) got.push_back(value);
          });
        }
      });
      std::sort(got.begin(), got.end());
      std::vector<int> all(40);
      std::iota(all.begin(), all.end(), 0);
      CHECK(got == all);
    }
  });
}

TEST_CASE("a closed channel refuses senders and is drained by receivers") {
  simulate([] {
    channel<int> c(2);
    c.send(1);
    c.send(2);
    CHECK(!c.is_closed());
    c.close();
    c.close();
    CHECK(c.is_closed());
    CHECK(throws_closed([&] { c.send(3); }));
    CHECK(throws_closed([&] { c.try_send(3); }));
    CHECK(throws_closed([&] { c.send_until(3, 1s); }));
    CHECK(c.size() == 2);
    CHECK(c.receive() == 1);
    CHECK(c.try_receive() == 2);
    CHECK(c.receive() == std::nullopt);
    CHECK(c.try_receive() == std::nullopt);
    CHECK(c.receive_until(1s) == std::nullopt);
    for (const int value : c) CHECK(value == -1);
  });
}

TEST_CASE("a closed channel refuses senders although it has room") {
  simulate([] {
    channel<token> c(2);
    c.send(token(1));
    c.close();
    token mine(2);
    CHECK(throws_closed([&] { c.send(std::move(mine)); }));
    CHECK(throws_closed([&] { c.try_send(std::move(mine)); }));
    CHECK(throws_closed([&] { c.send_until(std::move(mine), 1s); }));
    CHECK(throws_closed([&] { weft::select(weft::on_send(c, mine, ignore)); }));
    const auto sends = [&]() -> weft::stackless::task<> { co_await c.async_send(std::move(mine)); };
    CHECK(throws_closed([&] { weft::await(sends()); }));
    CHECK(mine.number() == 2);
    CHECK(c.receive()->number() == 1);
    CHECK(!c.receive());
  });
}

TEST_CASE("closing wakes all who wait: senders keep their values, receivers get none") {
  simulate([] {
    channel<token> c(1);
    c.send(token(1));
    std::vector<weft::fiber<>> all;
    for (int i = 0; i < 3; ++i) {
      all.push_back(weft::spawn([&] {
        token mine(2);
        CHECK(throws_closed([&] { c.send(std::move(mine)); }));
        CHECK(mine.number() == 2);
      }));
    }
    weft::this_fiber::sleep_for(1s);
    c.close();
    for (auto& f : all) f.join();
    CHECK(c.receive()->number() == 1);

    channel<int> d;
    all.clear();
    for (int i = 0; i < 3; ++i) all.push_back(weft::spawn([&] { CHECK(d.receive() == std::nullopt); }));
    weft::this_fiber::sleep_for(1s);
    d.close();
    for (auto& f : all) f.join();
  });
}

TEST_CASE("a deadline ends a wait when it has passed, not before, and a value that is there comes first") {
  simulate([] {
    channel<int> c;
    const auto begin = std::chrono::steady_clock::now();
    CHECK(c.receive_until(10s) == std::nullopt);
    CHECK(std::chrono::steady_clock::now() - begin == 10s);
    CHECK(!c.send_until(1, 10s));
    CHECK(std::chrono::steady_clock::now() - begin == 20s);
    CHECK(c.receive_until(-1s) == std::nullopt);
    CHECK(!c.send_until(1, -1s));
    CHECK(std::chrono::steady_clock::now() - begin == 20s);
    channel<int> d(1);
    CHECK(d.send_until(1, -1s));
    CHECK(d.receive_until(-1s) == 1);
    auto late = weft::spawn([&] {
      weft::this_fiber::sleep_for(3s);
      c.send(5);
    });
    CHECK(c.receive_until(1h) == 5);
    CHECK(std::chrono::steady_clock::now() - begin == 23s);
    late.join();
  });
}

TEST_CASE("a fiber that never has to wait lets others run all the same") {
  simulate(
      [] {
        channel<int> c(1);
        bool over = false;
        auto other = weft::spawn([&] { over = true; });
        while (!over) {
          c.send(1);
          (void)c.receive();
        }
        other.join();
      },
      1);
}

TEST_CASE("a task that never has to wait at a channel lets others run all the same") {
  simulate(
      [] {
        channel<int> c(1);
        bool over = false;
        const auto body = [&]() -> weft::stackless::task<> {
          weft::go([&] { over = true; });
          while (!over) {
            co_await c.async_send(1);
            (void)co_await c.async_receive();
          }
        };
        weft::await(body());
      },
      1);
}
