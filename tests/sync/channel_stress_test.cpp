// SPDX-License-Identifier: BSL-1.0
// Random operations on a few channels by everybody, with deadlines and cancellations: no value is lost, none is doubled.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "support/scale.hpp"
#include "support/simulated.hpp"
#include "sync/company.hpp"
#include "sync/values.hpp"

namespace {

using namespace std::chrono_literals;
using namespace weft::test;
using weft::channel;
using weft::stackless::task;

class random_numbers {
 public:
  explicit random_numbers(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 1) {}
  std::size_t below(std::size_t n) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return std::size_t(state_ >> 11) % n;
  }

 private:
  std::uint64_t state_;
};

// What all actors share. A value names its sender and how many that one sent before.
template <class T> struct board {
  std::array<channel<T>, 4> lines{channel<T>(0), channel<T>(1), channel<T>(3), channel<T>(0)};
  std::atomic<long> sent{0}, received{0}, sum_sent{0}, sum_received{0};
  std::atomic<int> cancellations{0}, late{0};

  void note_sent(int number) {
    ++sent;
    sum_sent += number;
  }
  void note_received(const T& value) {
    CHECK(value.number() > 0);
    ++received;
    sum_received += value.number();
  }
};

template <class T> class actor {
 public:
  actor(board<T>& b, std::uint64_t seed) : b_(b), random_(seed), number_(int(seed % 1000) * 1'000'000 + 1) {}

  void act(int times, bool scopes) {
    for (int i = 0; i < times; ++i) {
      T mine(number_++);
      const int name = mine.number();
      try {
        if (scopes && random_.below(3) == 0) {
          if (!weft::try_for(soon(), [&] { step(mine); })) ++b_.late;
        } else {
          step(mine);
        }
      } catch (const weft::cancelled&) {
        ++b_.cancellations;
        if (scopes) throw;
      }
      if (mine.number() == 0) b_.note_sent(name);
    }
  }

  task<> act_as_task(int times) {
    for (int i = 0; i < times; ++i) {
      T mine(number_++);
      const int name = mine.number();
      try {
        co_await step_of_task(mine);
      } catch (const weft::cancelled&) {
        ++b_.cancellations;  // delivered once
      }
      if (mine.number() == 0) b_.note_sent(name);
    }
  }

 private:
  weft::deadline soon() { return std::chrono::microseconds(random_.below(60)); }
  channel<T>& any() { return b_.lines[random_.below(4)]; }
  auto noting() {
    return [this](std::optional<T> v) {
      if (v) b_.note_received(*v);
    };
  }
  static void ignore() {}

  void step(T& mine) {
    switch (random_.below(6)) {
      case 0:
        any().send_until(std::move(mine), soon());
        break;
      case 1:
        (void)any().try_send(std::move(mine));
        break;
      case 2:
        noting()(any().receive_until(soon()));
        break;
      case 3:
        noting()(any().try_receive());
        break;
      case 4:
        weft::select(weft::on_receive(any(), noting()), weft::on_send(any(), mine, ignore),
                     weft::on_timeout(soon(), ignore));
        break;
      default:
        weft::select(weft::on_send(any(), mine, ignore), weft::on_receive(any(), noting()),
                     weft::on_receive(any(), noting()), weft::on_send(any(), mine, ignore),
                     weft::on_timeout(soon(), ignore));
    }
  }
  task<> step_of_task(T& mine) {
    switch (random_.below(4)) {
      case 0:
        co_await any().async_send_until(std::move(mine), soon());
        break;
      case 1:
        noting()(co_await any().async_receive_until(soon()));
        break;
      default:
        co_await weft::async_select(weft::on_send(any(), mine, ignore), weft::on_receive(any(), noting()),
                                    weft::on_receive(any(), noting()), weft::on_timeout(soon(), ignore));
    }
  }

  board<T>& b_;
  random_numbers random_;
  int number_;
};

// On a fiber. Whoever is left in the end is served until all actors are through; then the channels are drained.
template <class T> void play(std::uint64_t seed, int actors, int times, bool with_threads) {
  CAPTURE(seed);
  const long before = token::live;
  {
    board<T> b;
    std::vector<std::unique_ptr<actor<T>>> all;
    std::atomic<int> left{actors};
    company cast;
    for (int i = 0; i < actors; ++i) {
      all.push_back(std::make_unique<actor<T>>(b, seed * 100 + std::uint64_t(i) + 1));
      actor<T>& one = *all.back();
      kind k = kinds[std::size_t(i) % std::size(kinds)];
      if (k == kind::thread && !with_threads) k = kind::movable;
      cast.start(
          k,
          [&, k] {
            one.act(times, k != kind::thread);
            --left;
          },
          [&]() -> task<> {
            co_await one.act_as_task(times);
            --left;
          });
    }
    cast.join();
    CHECK(left == 0);
    for (auto& line : b.lines) {
      line.close();
      for (const T& value : line) b.note_received(value);
      CHECK(!weft::detail::channel_access::core(line).is_waited_for());
    }
    CHECK(b.sent == b.received);
    CHECK(b.sum_sent == b.sum_received);
    CHECK(b.sent > 0);
  }
  CHECK(token::live == before);
}

}  // namespace

TEST_CASE("no value is lost or doubled among fibers, threads and tasks that give up at random") {
  for (std::uint64_t seed = 1; seed <= scaled(20); ++seed) {
    weft::run([&] { weft::spawn({.worker = 0}, [&] { play<token>(seed, 10, 200, true); }).join(); });
    weft::run([&] { weft::spawn({.worker = 0}, [&] { play<clumsy_token>(seed, 5, 100, true); }).join(); });
  }
}

TEST_CASE("the same in many simulated orders") {
  std::uint64_t round = 0;
  simulate([&] { play<token>(++round, 6, 20, false); }, 600);
}

TEST_CASE("an actor that is cancelled at any moment leaves all values where they belong") {
  std::uint64_t round = 0;
  simulate(
      [&] {
        random_numbers random(++round);
        const long before = token::live;
        {
          channel<token> line(random.below(3));
          int sent = 0, received = 0;
          std::vector<weft::fiber<>> all;
          for (int i = 0; i < 6; ++i) {
            all.push_back(weft::spawn([&, i] {
              token mine(i + 1);
              try {
                for (int k = int(random.below(4)); k > 0; --k) weft::this_fiber::yield();
                if (i % 2)
                  line.send(std::move(mine));
                else if (line.receive())
                  ++received;
              } catch (const weft::cancelled&) {
              }
              if (mine.number() == 0) ++sent;
            }));
          }
          for (int i = 0; i < 8; ++i) {
            weft::this_fiber::yield();
            all[random.below(6)].cancel();
          }
          for (auto& f : all) f.cancel();
          for (auto& f : all) CHECK_NOTHROW(try { f.join(); } catch (const std::system_error&){});
          while (line.try_receive()) ++received;
          CHECK(sent == received);
          CHECK(!weft::detail::channel_access::core(line).is_waited_for());
        }
        CHECK(token::live == before);
      },
      600);
}

TEST_CASE("every receiver sees the values of every sender in their order") {
  for (std::size_t capacity : {0, 1, 8}) {
    const int each = int(scaled(3000));
    weft::run([&] {
      channel<std::pair<int, int>> line(capacity);
      std::atomic<long> received{0};
      std::atomic<bool> right{true};
      company senders, receivers;
      const auto see = [&](std::array<int, 5>& last, std::pair<int, int> value) {
        if (value.second <= last[std::size_t(value.first)]) right = false;
        last[std::size_t(value.first)] = value.second;
        ++received;
      };
      for (int i = 0; i < 5; ++i) {
        senders.start(
            kinds[i],
            [&, i] {
              for (int n = 1; n <= each; ++n) line.send({i, n});
            },
            [&, i]() -> task<> {
              for (int n = 1; n <= each; ++n) co_await line.async_send({i, n});
            });
        receivers.start(
            kinds[i],
            [&] {
              std::array<int, 5> last{};
              for (const auto& value : line) see(last, value);
            },
            [&]() -> task<> {
              std::array<int, 5> last{};
              while (const auto value = co_await line.async_receive()) see(last, *value);
            });
      }
      senders.join();
      line.close();
      receivers.join();
      CHECK(right);
      CHECK(received == 5L * each);
    });
  }
}
