// SPDX-License-Identifier: BSL-1.0
// select: which case runs, how it is chosen, and what the others leave untouched.
#include <weft/sync/select.hpp>

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>
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
using weft::test::ignore;
using weft::test::nobody_waits;
using weft::test::select_all;
using weft::test::simulate;
using weft::test::token;

TEST_CASE("the case that is ready runs, its index is returned, the others are untouched") {
  simulate([] {
    channel<int> a, b(1), d(1);
    channel<std::string> c(1);
    b.send(5);
    std::string text = "text";
    int got = 0;
    const auto once = [&] {
      return select(on_receive(a, ignore), on_receive(b, [&](std::optional<int> v) { got = v.value_or(-1); }),
                    on_send(d, 7, ignore), weft::otherwise([] { FAIL("something is ready"); }));
    };
    const std::size_t first = once(), second = once();
    CHECK(first + second == 3);  // 1 and 2 in either order
    CHECK(got == 5);
    CHECK(d.receive() == 7);
    CHECK(select(on_send(c, text, ignore)) == 0);
    CHECK(text.empty());
    text = "more";
    CHECK(select(on_send(c, text, ignore), weft::otherwise(ignore)) == 1);
    CHECK(text == "more");
    const std::string fixed = "fixed";
    CHECK(c.receive() == "text");
    CHECK(select(on_send(c, fixed, ignore)) == 0);
    CHECK(c.receive() == fixed);
    CHECK(nobody_waits(a, b, c, d));
  });
}

TEST_CASE("a select that waits is woken by any of its channels, and leaves all others") {
  simulate([] {
    for (std::size_t which = 0; which < 4; ++which) {
      std::array<channel<int>, 4> all;
      auto partner = weft::spawn([&] {
        weft::this_fiber::sleep_for(1s);
        all[which].send(9);
      });
      std::size_t at = 99;
      CHECK(select_all(all, [&](std::size_t i, std::optional<int> v) {
              at = i;
              CHECK(v == 9);
            }) == which);
      CHECK(at == which);
      partner.join();
      for (auto& one : all) CHECK(nobody_waits(one));
    }
  });
}

TEST_CASE("a timeout runs when nothing else was ready in time, the earliest of several") {
  simulate([] {
    channel<int> c;
    const auto begin = std::chrono::steady_clock::now();
    CHECK(select(on_timeout(20s, ignore), on_receive(c, ignore), on_timeout(10s, ignore)) == 2);
    CHECK(std::chrono::steady_clock::now() - begin == 10s);
    CHECK(select(on_timeout(-1s, ignore), on_receive(c, ignore)) == 0);
    CHECK(select(on_timeout(1s, ignore), on_receive(c, ignore), weft::otherwise(ignore)) == 2);
    CHECK(select(on_timeout(-1s, ignore), on_receive(c, ignore), weft::otherwise(ignore)) == 0);
    CHECK(std::chrono::steady_clock::now() - begin == 10s);
    CHECK(select(on_timeout(5s, ignore)) == 0);  // a sleep
    CHECK(std::chrono::steady_clock::now() - begin == 15s);
    c.close();
    CHECK(select(on_timeout(-1s, ignore), on_receive(c, ignore)) == 1);  // what is ready comes first
    CHECK(nobody_waits(c));
  });
}

TEST_CASE("closed channels are ready: receivers get nothing, senders throw") {
  simulate([] {
    channel<token> c(1), open;
    c.send(token(1));
    c.close();
    token mine(2);
    std::vector<int> got;
    const auto note = [&](std::optional<token> v) { got.push_back(v ? v->number() : 0); };
    CHECK(select(on_receive(c, note), weft::otherwise(ignore)) == 0);
    CHECK(select(on_receive(c, note), on_receive(open, note)) == 0);
    CHECK(got == std::vector{1, 0});
    CHECK_THROWS_AS(select(on_send(c, mine, ignore), on_receive(open, ignore)), weft::channel_closed);
    CHECK(mine.number() == 2);
    auto closer = weft::spawn([&] {
      weft::this_fiber::sleep_for(1s);
      open.close();
    });
    channel<token> third;
    CHECK_THROWS_AS(select(on_send(open, mine, ignore), on_receive(third, ignore)), weft::channel_closed);
    CHECK(mine.number() == 2);
    closer.join();
    CHECK(nobody_waits(c, open, third));
  });
}

TEST_CASE("one of the ready cases is chosen at random, each as often as the others") {
  simulate(
      [] {
        std::array<channel<int>, 5> all{channel<int>(1), channel<int>(1), channel<int>(1), channel<int>(1),
                                        channel<int>(1)};
        for (std::size_t ready : {2, 5}) {
          std::array<int, 5> count{};
          const int rounds = 1000 * int(ready);
          for (std::size_t i = 0; i < ready; ++i) all[i].send(0);
          for (int r = 0; r < rounds; ++r) {
            const std::size_t i = select_all(all, ignore);
            ++count[i];
            all[i].send(0);
          }
          for (std::size_t i = 0; i < ready; ++i) {
            CHECK(count[i] > 800);
            CHECK(count[i] < 1200);
          }
          while (select_all(all, ignore, weft::otherwise(ignore)) < 5) {
          }
        }
      },
      2);
}

TEST_CASE("plain threads choose at random too") {
  std::array<channel<int>, 2> all{channel<int>(1), channel<int>(1)};
  for (auto& one : all) one.send(0);
  int count[2] = {};
  for (int r = 0; r < 2000; ++r) {
    const std::size_t i = select_all(all, ignore);
    ++count[i];
    all[i].send(0);
  }
  CHECK(count[0] > 800);
  CHECK(count[1] > 800);
}

TEST_CASE("cases can be kept and selected again") {
  simulate([] {
    channel<int> c(1);
    int got = 0, value = 1;
    auto in = on_receive(c, [&](std::optional<int> v) { got += *v; });
    auto out = on_send(c, value, ignore);
    for (int i = 0; i < 3; ++i) {
      value = 2;
      CHECK(select(in, out) == 1);
      CHECK(select(in, out) == 0);
    }
    CHECK(got == 6);
  });
}

TEST_CASE("cases that were waited for can be selected again, and another one of them runs") {
  simulate([] {
    channel<int> a, b;
    int from_a = 0, from_b = 0;
    auto first = on_receive(a, [&](std::optional<int> v) { from_a += *v; });
    auto second = on_receive(b, [&](std::optional<int> v) { from_b += *v; });
    auto sender = weft::spawn([&] {
      for (channel<int>* to : {&a, &b, &a}) {
        weft::this_fiber::sleep_for(1s);
        to->send(1);
      }
    });
    for (const std::size_t which : {0, 1, 0}) CHECK(select(first, second) == which);
    sender.join();
    CHECK(from_a == 2);
    CHECK(from_b == 1);
  });
}

TEST_CASE("a function may throw, park and select itself; the select is over by then") {
  simulate([] {
    channel<int> a(1), b;
    a.send(1);
    CHECK_THROWS_AS(select(on_receive(a, [](auto) { throw std::runtime_error("of the case"); })), std::runtime_error);
    CHECK(a.size() == 0);
    a.send(2);
    auto partner = weft::spawn([&] {
      weft::this_fiber::sleep_for(1s);
      b.send(3);
    });
    std::size_t inner = 99;
    CHECK(select(on_receive(b, ignore), on_receive(a, [&](std::optional<int> v) {
                   CHECK(v == 2);
                   CHECK(nobody_waits(a, b));
                   weft::this_fiber::sleep_for(1ms);
                   inner = select(on_receive(a, ignore), on_receive(b, ignore));
                 })) == 1);
    CHECK(inner == 1);
    partner.join();
  });
}

TEST_CASE("a task selects like a fiber does") {
  weft::stackless::run([]() -> weft::stackless::task<> {
    channel<int> a, b(1);
    channel<token> c;
    token mine(3);
    CHECK(co_await async_select(on_receive(a, ignore), on_send(c, mine, ignore), on_timeout(1us, ignore)) == 2);
    CHECK(mine.number() == 3);
    CHECK(co_await async_select(on_receive(a, ignore), weft::otherwise(ignore)) == 1);
    CHECK(co_await async_select(on_receive(a, ignore), on_send(b, 1, ignore)) == 1);
    auto partner = weft::stackless::create_task([](channel<token>& from) -> weft::stackless::task<int> {
      auto got = co_await from.async_receive();
      co_return got->number();
    }(c));
    CHECK(co_await async_select(on_receive(a, ignore), on_send(c, mine, ignore)) == 1);
    CHECK(mine.number() == 0);
    CHECK(co_await partner == 3);
    b.close();
    int count = 0;
    for (int i = 0; i < 2; ++i)
      co_await async_select(on_receive(b, [&](std::optional<int> v) { count += v ? 1 : 10; }));
    CHECK(count == 11);
    bool closed = false;
    try {
      co_await async_select(on_receive(a, ignore), on_send(b, 1, ignore));
    } catch (const weft::channel_closed&) {
      closed = true;
    }
    CHECK(closed);
    CHECK(nobody_waits(a, b, c));
  }());
}
