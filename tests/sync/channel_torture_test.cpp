// SPDX-License-Identifier: BSL-1.0
// The shapes that channels are tortured with elsewhere: long chains, the prime sieve, chameneos, many waiters at once.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "support/scale.hpp"
#include "support/simulated.hpp"
#include "sync/values.hpp"

using namespace std::chrono_literals;
using weft::channel;
using weft::test::max_live_fibers;
using weft::test::scaled;
using weft::test::simulate;
using weft::test::token;

TEST_CASE("a value goes through a chain of 10,000 fibers, and so does a close") {
  const std::size_t length = std::min<std::size_t>(10'000, max_live_fibers() / 2);
  weft::run([&] {
    std::vector<std::unique_ptr<channel<std::size_t>>> links;
    for (std::size_t i = 0; i <= length; ++i) links.push_back(std::make_unique<channel<std::size_t>>(i % 2));
    weft::with_scope([&](weft::scope& s) {
      for (std::size_t i = 0; i < length; ++i) {
        s.spawn([from = links[i].get(), to = links[i + 1].get()] {
          for (const std::size_t value : *from) to->send(value + 1);
          to->close();
        });
      }
      for (std::size_t value : {0, 7}) links[0]->send(value);
      links[0]->close();
      CHECK(links[length]->receive() == length);
      CHECK(links[length]->receive() == length + 7);
      CHECK(links[length]->receive() == std::nullopt);
    });
  });
}

TEST_CASE("a prime sieve finds the primes, and is torn down by closing its source") {
  const std::size_t count = scaled(100, 20);
  weft::run([&] {
    std::vector<std::size_t> primes;
    weft::with_scope([&](weft::scope& s) {
      std::vector<std::unique_ptr<channel<std::size_t>>> lines;
      lines.push_back(std::make_unique<channel<std::size_t>>());
      s.spawn([to = lines[0].get()] {
        try {
          for (std::size_t n = 2;; ++n) to->send(n);
        } catch (const weft::channel_closed&) {
        }
      });
      for (std::size_t i = 0; i < count; ++i) {
        auto* const from = lines.back().get();
        primes.push_back(*from->receive());
        lines.push_back(std::make_unique<channel<std::size_t>>());
        s.spawn([from, to = lines.back().get(), by = primes.back()] {
          try {
            for (const std::size_t n : *from)
              if (n % by != 0) to->send(n);
          } catch (const weft::channel_closed&) {
          }
          to->close();
        });
      }
      for (auto& line : lines) line->close();
      // The scope has to end while the channels live.
      while (weft::stats().live_fibers > 1) weft::this_fiber::yield();
    });
    CHECK(primes.size() == count);
    for (std::size_t i = 1; i < count; ++i) {
      CHECK(primes[i] > primes[i - 1]);
      for (std::size_t j = 0; j < i; ++j) CHECK(primes[i] % primes[j] != 0);
    }
  });
}

TEST_CASE("chameneos meet in pairs, each with another one, and change colours as they should") {
  enum colour { blue, red, yellow };
  struct creature {
    colour now;
    channel<std::pair<creature*, colour>> met;
    long meetings = 0;
    long with_itself = 0;
  };
  const long meetings = long(scaled(3000));
  weft::run([&] {
    channel<creature*> place;
    std::vector<std::unique_ptr<creature>> all;
    weft::with_scope([&](weft::scope& s) {
      for (int i = 0; i < 7; ++i) {
        all.push_back(std::make_unique<creature>(colour(i % 3)));
        s.spawn([&place, me = all.back().get()] {
          try {
            for (;;) {
              place.send(me);
              const auto other = me->met.receive();
              me->with_itself += other->first == me;
              ++me->meetings;
              if (other->second != me->now) me->now = colour(3 - me->now - other->second);
            }
          } catch (const weft::channel_closed&) {
          }
        });
      }
      for (long i = 0; i < meetings; ++i) {
        creature* const a = *place.receive();
        creature* const b = *place.receive();
        const colour first = a->now;
        a->met.send({b, b->now});
        b->met.send({a, first});
      }
      place.close();
    });
    long sum = 0, alone = 0;
    for (auto& one : all) {
      sum += one->meetings;
      alone += one->with_itself;
    }
    CHECK(sum == 2 * meetings);
    CHECK(alone == 0);
  });
}

TEST_CASE("a close wakes a herd of senders and receivers, on fibers and threads") {
  const int count = int(std::min<std::size_t>(1000, max_live_fibers() / 4));
  weft::run([&] {
    channel<token> full, empty;
    std::atomic<int> closed{0}, ended{0};
    std::vector<std::thread> threads;
    weft::with_scope([&](weft::scope& s) {
      const auto send = [&] {
        token mine(1);
        try {
          full.send(std::move(mine));
        } catch (const weft::channel_closed&) {
          closed += mine.number();
        }
      };
      const auto receive = [&] { ended += empty.receive() ? 0 : 1; };
      for (int i = 0; i < count; ++i) {
        s.spawn(send);
        s.spawn(receive);
      }
      for (int i = 0; i < 3; ++i) {
        threads.emplace_back(send);
        threads.emplace_back(receive);
      }
      while (weft::stats().parked < std::uint64_t(2 * count)) weft::this_fiber::yield();
      full.close();
      empty.close();
      for (auto& t : threads) t.join();
    });
    CHECK(closed == count + 3);
    CHECK(ended == count + 3);
  });
}

TEST_CASE("a select over closing channels in a tree of scopes ends with them") {
  simulate([] {
    channel<int> a, b;
    std::atomic<int> ends{0};
    auto group = weft::spawn([&] {
      weft::with_scope([&](weft::scope& outer) {
        for (int i = 0; i < 5; ++i) {
          outer.spawn([&] {
            weft::with_scope([&](weft::scope& inner) {
              inner.spawn([&] {
                try {
                  weft::select(weft::on_receive(a, [](auto) {}), weft::on_send(b, 1, [] {}));
                } catch (const weft::cancelled&) {
                  ++ends;
                  throw;
                }
              });
            });
          });
        }
      });
    });
    weft::this_fiber::sleep_for(1s);
    group.cancel();
    CHECK(group.join_until(weft::never));
    CHECK(ends == 5);
    CHECK(!weft::detail::channel_access::core(a).is_waited_for());
    CHECK(!weft::detail::channel_access::core(b).is_waited_for());
  });
}

TEST_CASE("a rendezvous across workers hands every value over") {
  const long trips = long(scaled(5000));
  weft::run([&] {
    channel<long> there, back;
    weft::spawn_options first, last;
    first.worker = 0;
    last.worker = int(weft::stats().workers) - 1;
    auto a = weft::spawn(first, [&] {
      long value = 0;
      for (long i = 0; i < trips; ++i) {
        there.send(value);
        value = *back.receive();
      }
      return value;
    });
    auto b = weft::spawn(last, [&] {
      for (long i = 0; i < trips; ++i) back.send(*there.receive() + 1);
    });
    CHECK(a.join() == trips);
    b.join();
  });
}
