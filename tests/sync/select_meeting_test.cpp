// SPDX-License-Identifier: BSL-1.0
// select: how several of them, or several cases of one, meet on the same channels.
#include <weft/sync/select.hpp>

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "support/simulated.hpp"
#include "sync/channels.hpp"
#include "sync/values.hpp"

using namespace std::chrono_literals;
using weft::async_select;
using weft::channel;
using weft::on_receive;
using weft::on_send;
using weft::on_timeout;
using weft::select;
using weft::test::clumsy_token;
using weft::test::ignore;
using weft::test::nobody_waits;
using weft::test::scaled;
using weft::test::select_all;
using weft::test::simulate;
using weft::test::token;

TEST_CASE("a select that waits on both sides of a channel does not meet itself") {
  simulate([] {
    channel<int> c;
    int got = 0, sent = 0;
    CHECK(select(on_send(c, 1, ignore), on_receive(c, ignore), on_timeout(1s, ignore)) == 2);
    CHECK(nobody_waits(c));
    // But it meets others, on either side.
    auto other = weft::spawn([&] {
      weft::this_fiber::sleep_for(1s);
      c.send(2);
      CHECK(c.receive() == 1);
    });
    for (int i = 0; i < 2; ++i)
      select(on_send(c, 1, [&] { ++sent; }), on_receive(c, [&](std::optional<int> v) { got += *v; }));
    other.join();
    CHECK(sent == 1);
    CHECK(got == 2);
    CHECK(nobody_waits(c));
  });
}

TEST_CASE("two selects that face each other meet in one value") {
  simulate([] {
    channel<int> a, b;
    for (int round = 0; round < 20; ++round) {
      int sent = 0, got = 0;
      const auto face = [&](channel<int>& to, channel<int>& from) {
        select(on_send(to, 1, [&] { ++sent; }), on_receive(from, [&](std::optional<int> v) { got += *v; }));
      };
      auto f = weft::spawn([&] { face(a, b); });
      auto g = weft::spawn([&] { face(b, a); });
      f.join();
      g.join();
      CHECK(sent == 1);
      CHECK(got == 1);
    }
    CHECK(nobody_waits(a, b));
  });
}

TEST_CASE("the same channel may stand in several cases") {
  simulate([] {
    channel<int> c;
    int seen[3] = {};
    for (int i = 0; i < 60; ++i) {
      auto sender = weft::spawn([&] { c.send(1); });
      if (i % 2) weft::this_fiber::sleep_for(1s);
      ++seen[select(on_receive(c, ignore), on_receive(c, ignore), on_receive(c, ignore))];
      sender.join();
      CHECK(nobody_waits(c));
    }
    CHECK(seen[0] + seen[1] + seen[2] == 60);
  });
}

TEST_CASE("whoever has got a value may destroy the channel, however often a select names it") {
  simulate([] {
    for (const bool is_closed : {false, true}) {
      auto c = std::make_unique<channel<int>>();
      channel<int> other;
      const auto offers = [&](channel<int>& to) {
        int one = 1, two = 2;
        try {
          const auto which = select(on_send(to, one, ignore), on_receive(to, ignore), on_receive(other, ignore),
                                    on_send(to, two, ignore));
          CHECK((is_closed || which % 3 == 0));
        } catch (const weft::channel_closed&) {
        }
      };
      auto sender = weft::spawn([&] { offers(*c); });
      weft::this_fiber::sleep_for(1s);
      if (is_closed)
        c->close();
      else
        CHECK(c->receive().has_value());
      c.reset();
      sender.join();
      CHECK(nobody_waits(other));
    }
  });
}

TEST_CASE("one value offered to several channels goes to one of them, boxed or not") {
  simulate([] {
    const auto offer = [](auto value) {
      using value_type = decltype(value);
      channel<value_type> a, b, c(1);
      CHECK(select(on_send(a, value, ignore), on_send(b, value, ignore), on_timeout(1s, ignore)) == 2);
      CHECK(value.number() == 1);
      auto receiver = weft::spawn([&] { CHECK(b.receive()->number() == 1); });
      weft::this_fiber::yield();
      CHECK(select(on_send(a, value, ignore), on_send(b, value, ignore)) == 1);
      CHECK(value.number() == 0);
      receiver.join();
      value = value_type(3);
      CHECK(select(on_send(a, value, ignore), on_send(c, value, ignore)) == 1);
      CHECK(c.receive()->number() == 3);
      CHECK(nobody_waits(a, b, c));
    };
    offer(token(1));
    offer(clumsy_token(1));
  });
  CHECK(token::live == 0);
}

TEST_CASE("what a send or a select that nobody awaits would have sent is still the sender's") {
  const auto offer = [](auto value) {
    channel<decltype(value)> c(1);
    (void)c.async_send(std::move(value));
    (void)c.async_send_until(std::move(value), 1s);
    (void)async_select(on_send(c, value, ignore), on_timeout(1s, ignore));
    CHECK(value.number() == 1);
    CHECK(c.size() == 0);
  };
  offer(token(1));
  offer(clumsy_token(1));
  CHECK(token::live == 0);
}

TEST_CASE("a select in a cancelled or expired scope gives everything back, and the outer select goes on") {
  simulate([] {
    channel<int> a, b;
    token mine(4);
    channel<token> c;
    CHECK_THROWS_AS(weft::with_timeout(1s, [&] { select(on_receive(a, ignore), on_send(c, mine, ignore)); }),
                    weft::timed_out);
    CHECK(mine.number() == 4);
    CHECK(nobody_waits(a, c));
    a.send_until(1, -1s);
    int outer = 0;
    auto partner = weft::spawn([&] {
      weft::this_fiber::sleep_for(5s);
      a.send(1);
      a.send(2);
    });
    select(on_receive(a, [&](auto) {
      CHECK(!weft::try_for(1ms, [&] {
        weft::with_scope([&](weft::scope& s) {
          s.spawn([&] { select(on_receive(b, ignore), on_send(c, mine, ignore)); });
          select(on_receive(b, ignore), on_timeout(weft::never, ignore));
        });
      }));
      CHECK(nobody_waits(b, c));
      outer = *a.receive();
    }));
    CHECK(outer == 2);
    CHECK(mine.number() == 4);
    partner.join();
  });
}

TEST_CASE("64 cases over channels that are closed one after the other") {
  simulate(
      [] {
        auto all = std::make_unique<std::array<channel<int>, 63>>();
        auto closer = weft::spawn([&] {
          for (auto& one : *all) {
            one.send(1);
            one.close();
          }
        });
        std::array<int, 63> values{};
        std::array<int, 63> ends{};
        int left = 63;
        bool late = false;
        while (left > 0 && !late) {
          select_all(
              *all,
              [&](std::size_t i, std::optional<int> v) {
                if (v)
                  ++values[i];
                else if (ends[i]++ == 0)
                  --left;
              },
              on_timeout(10s, [&] { late = true; }));
        }
        CHECK(!late);
        for (int v : values) CHECK(v == 1);
        closer.join();
        for (auto& one : *all) CHECK(nobody_waits(one));
      },
      4);
}

TEST_CASE("selects over the same channels in opposite orders, by fibers, threads and tasks, always come to an end") {
  const int rounds = int(scaled(3000));
  std::array<channel<int>, 3> ring;  // each sends to the next and receives from the one before
  std::atomic<long> sent{0}, got{0};
  weft::options with;
  with.workers = weft::test::workers();
  const auto face = [&](std::size_t me) {
    for (int i = 0; i < rounds; ++i)
      select(on_send(ring[me], 1, [&] { ++sent; }), on_receive(ring[(me + 1) % 3], [&](std::optional<int>) { ++got; }),
             on_receive(ring[(me + 2) % 3], [&](std::optional<int>) { ++got; }), on_timeout(1ms, ignore));
  };
  weft::run(
      [&] {
        std::thread thread([&] { face(0); });
        auto f = weft::spawn([&] { face(1); });
        auto g = weft::spawn({.movable = true}, [&] { face(2); });
        auto t = weft::stackless::create_task([](auto& all, int n, auto& in, auto& out) -> weft::stackless::task<> {
          for (int i = 0; i < n; ++i)
            co_await async_select(on_receive(all[2], [&](std::optional<int>) { ++in; }),
                                  on_send(all[1], 1, [&] { ++out; }),
                                  on_receive(all[0], [&](std::optional<int>) { ++in; }), on_timeout(1ms, ignore));
        }(ring, rounds, got, sent));
        f.join();
        g.join();
        while (!t.done()) weft::this_fiber::yield();
        thread.join();
      },
      with);
  CHECK(sent == got);
  CHECK(nobody_waits(ring[0], ring[1], ring[2]));
}
