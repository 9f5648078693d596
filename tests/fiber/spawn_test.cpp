// SPDX-License-Identifier: BSL-1.0
// spawn() and go(): what is given to a fiber and what comes back.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>
#include <weft/weft.hpp>

#include "fiber/control_block.hpp"
#include "fiber/waiting.hpp"
#include "support/refusal.hpp"
#include "support/scale.hpp"
#include "support/simulated.hpp"

using weft::test::refuses;
using weft::test::scaled;
using weft::test::simulate;

namespace {

// Counts how many of it are alive.
struct counted_alive {
  explicit counted_alive(std::atomic<int>& alive) : alive_(&alive) { ++*alive_; }
  counted_alive(const counted_alive& other) : alive_(other.alive_) { ++*alive_; }
  counted_alive(counted_alive&& other) noexcept : alive_(other.alive_) { ++*alive_; }
  counted_alive& operator=(const counted_alive&) = default;
  ~counted_alive() { --*alive_; }
  std::atomic<int>* alive_;  // two fibers on two workers may each have one
};

}  // namespace

TEST_CASE("join returns what the body returned") {
  weft::run([] {
    CHECK(weft::spawn([] { return 42; }).join() == 42);
    CHECK(weft::spawn([] { return std::string(1000, 'x'); }).join().size() == 1000);
    CHECK(*weft::spawn([] { return std::make_unique<int>(7); }).join() == 7);
    weft::spawn([] {}).join();
    int here = 1;
    int& there = weft::spawn([&here]() -> int& { return here; }).join();
    CHECK(&there == &here);
  });
}

TEST_CASE("a body may be a move-only object, a function, or larger than a control block") {
  static int called = 0;
  weft::run([] {
    auto owned = std::make_unique<int>(5);
    CHECK(weft::spawn([owned = std::move(owned)] { return *owned; }).join() == 5);
    void (*plain)() = [] { ++called; };
    weft::spawn(plain).join();
    CHECK(called == 1);
    std::array<char, 5000> large{};
    large.back() = 'z';
    CHECK(weft::spawn([large] { return large.back(); }).join() == 'z');
    struct alignas(256) aligned {
      int value = 3;
    };
    CHECK(weft::spawn([a = aligned{}] {
            return reinterpret_cast<std::uintptr_t>(&a) % 256 == 0 ? a.value : 0;
          }).join() == 3);
  });
}

TEST_CASE("body and result are destroyed exactly once, however the fiber ends") {
  std::atomic<int> alive{0};
  weft::run([&] {
    weft::spawn([c = counted_alive(alive)] {}).join();
    CHECK(alive == 0);
    (void)weft::spawn([c = counted_alive(alive)] { return c; }).join();
    CHECK(alive == 0);
    {
      auto dropped = weft::spawn([c = counted_alive(alive)] { return c; });
    }
    CHECK(alive == 0);
    CHECK_THROWS_AS(weft::spawn([c = counted_alive(alive)] { throw 1; }).join(), int);
    CHECK(alive == 0);
    std::array<char, 3000> large{};
    weft::spawn([c = counted_alive(alive), large] { (void)large; }).join();
    CHECK(alive == 0);
  });
  weft::run([&] { weft::go([c = counted_alive(alive)] { weft::this_fiber::sleep_until(weft::never); }); });
  CHECK(alive == 0);
  simulate([&] {  // where nobody steals it before it is cancelled
    auto never_started = weft::spawn([c = counted_alive(alive)] { return c; });
    never_started.cancel();
    CHECK_THROWS_AS((void)never_started.join(), std::system_error);
    CHECK(alive == 0);
  });
}

TEST_CASE("what copying a body throws comes out of spawn, and nothing is left behind") {
  struct refusing {
    refusing() = default;
    refusing(const refusing&) { throw std::runtime_error("not to be copied"); }
    void operator()() const {}
  };
  weft::run([] {
    const refusing body;
    CHECK_THROWS_AS((void)weft::spawn(body), std::runtime_error);
    CHECK_THROWS_AS(weft::go(body), std::runtime_error);
    CHECK(weft::stats().live_fibers == 1);
  });
}

TEST_CASE("every spawned fiber runs once, in batches larger than any cache") {
  std::atomic<std::size_t> ran{0};
  const std::size_t count = scaled(5000);
  weft::run([&] {
    std::vector<weft::fiber<std::size_t>> all;
    for (std::size_t i = 0; i < count; ++i) all.push_back(weft::spawn([&ran, i] { return ++ran, i; }));
    for (std::size_t i = 0; i < count; ++i) CHECK(all[i].join() == i);
  });
  CHECK(ran == count);
}

TEST_CASE("fibers that are spawned from outside share slabs of memory") {
  weft::runtime r;
  constexpr std::size_t count = 100;
  std::array<const weft::detail::block_slab*, count> slabs{};
  std::vector<weft::fiber<>> all;
  for (auto& slab : slabs) all.push_back(r.spawn([&slab] { slab = weft::detail::current_fiber()->slab; }));
  for (auto& f : all) (void)f.join_until(weft::never);
  CHECK(std::set(slabs.begin(), slabs.end()).size() < count / 10);
}

TEST_CASE("go starts a fiber that nobody joins") {
  std::atomic<int> ran{0};
  weft::run([&] {
    for (int i = 0; i < 10; ++i) weft::go([&ran] { ++ran; });
    weft::go({.name = "named"}, [&ran] {
      CHECK(weft::this_fiber::name() == "named");
      ++ran;
    });
    while (ran != 11) weft::this_fiber::yield();
  });
}

TEST_CASE("fibers spawn fibers, deeply") {
  struct tree {
    static unsigned leaves(unsigned depth) {
      if (depth == 0) return 1;
      auto left = weft::spawn([depth] { return leaves(depth - 1); });
      const unsigned right = leaves(depth - 1);
      return left.join() + right;
    }
  };
  CHECK(weft::run([] { return tree::leaves(10); }) == 1024);
}

TEST_CASE("a name is copied and cut to 31 bytes") {
  simulate([] {
    std::string name(40, 'n');
    auto f = weft::spawn({.name = name}, [] { return std::string(weft::this_fiber::name()); });
    name = "changed";
    CHECK(f.name() == std::string(31, 'n'));
    CHECK(f.join() == std::string(31, 'n'));
    CHECK(weft::spawn([] { return std::string(weft::this_fiber::name()); }).join().empty());
  });
}

TEST_CASE("ids are unique and never zero on a fiber, zero elsewhere") {
  CHECK(weft::this_fiber::id() == weft::fiber_id());
  CHECK(weft::fiber<>().id() == weft::fiber_id());
  std::vector<weft::fiber_id> ids;
  for (int round = 0; round < 3; ++round) {
    weft::run([&] {
      ids.push_back(weft::this_fiber::id());
      for (int i = 0; i < 100; ++i) {
        auto f = weft::spawn([] { return weft::this_fiber::id(); });
        const weft::fiber_id id = f.id();
        ids.push_back(id);
        CHECK(f.join() == id);
      }
    });
  }
  std::sort(ids.begin(), ids.end());
  CHECK(std::adjacent_find(ids.begin(), ids.end()) == ids.end());
  CHECK(ids.front() != weft::fiber_id());
}

TEST_CASE("a fiber with a worker starts there and stays there") {
  weft::run(
      [] {
        std::vector<weft::fiber<bool>> all;
        for (int w : {0, 1, 2, 0, 1, 2}) {
          all.push_back(weft::spawn({.worker = w}, [] {
            const auto here = pthread_self();
            for (int i = 0; i < 20; ++i) weft::this_fiber::yield();
            return pthread_equal(here, pthread_self()) != 0;
          }));
        }
        for (auto& f : all) CHECK(f.join());
        auto first = weft::spawn({.worker = 0}, [] { return pthread_self(); });
        auto other = weft::spawn({.worker = 1}, [] { return pthread_self(); });
        auto again = weft::spawn({.worker = 0}, [] { return pthread_self(); });
        const auto a = first.join(), b = other.join(), c = again.join();
        CHECK(pthread_equal(a, c));
        CHECK(!pthread_equal(a, b));
      },
      {.workers = 3});
}

TEST_CASE("a fiber may have a stack of another size") {
  struct deep {
    [[gnu::noinline]] static std::size_t touch(std::size_t bytes) {
      volatile char page[4096];
      page[0] = 1;
      return bytes <= sizeof page ? std::size_t(page[0]) : touch(bytes - sizeof page) + std::size_t(page[0]);
    }
  };
  weft::run([] {
    CHECK(weft::spawn({.stack_size = 4 << 20}, [] { return deep::touch(1 << 20); }).join() == 256);
    CHECK(weft::spawn({.stack_size = 64 << 10}, [] { return 1; }).join() == 1);
  });
}

TEST_CASE("wrong spawn options are refused by name, and nothing is started") {
  weft::run(
      [] {
        CHECK(refuses(std::errc::invalid_argument, "spawn_options::worker is 2",
                      [] { return weft::spawn({.worker = 2}, [] {}); }));
        CHECK(refuses(std::errc::invalid_argument, "spawn_options::worker is -2",
                      [] { return weft::spawn({.worker = -2}, [] {}); }));
        CHECK(refuses(std::errc::invalid_argument, "stack size", [] { return weft::spawn({.stack_size = 1}, [] {}); }));
        CHECK(refuses(std::errc::invalid_argument, "stack size",
                      [] { return weft::spawn({.stack_size = std::size_t(1) << 50}, [] {}); }));
        auto rounded_up = weft::spawn({.stack_size = (64 << 10) + 1}, [] { return 1; });  // no page multiple
        CHECK(rounded_up.join() == 1);
        while (weft::stats().live_fibers != 1) weft::this_fiber::yield();  // the other worker counts behind the join
      },
      {.workers = 2});
}

TEST_CASE("spawning outside a runtime is refused") {
  CHECK(refuses(std::errc::operation_not_permitted, "spawn outside a runtime", [] { return weft::spawn([] {}); }));
  CHECK(refuses(std::errc::operation_not_permitted, "spawn outside a runtime", [] { return weft::go([] {}), 0; }));
}

TEST_CASE("a body is called as an rvalue where it can be, as std::thread calls it") {
  struct once {
    std::unique_ptr<int> mine = std::make_unique<int>(7);
    int operator()() && { return *std::move(mine); }
  };
  struct again {
    int operator()() & { return 8; }
  };
  weft::runtime of;
  CHECK(of.spawn(once()).join() == 7);
  weft::run([] {
    CHECK(weft::spawn(once()).join() == 7);
    CHECK(weft::spawn(again()).join() == 8);
    weft::with_scope([](weft::scope& children) { children.spawn({.name = "child"}, once()); });
  });
  CHECK(weft::run(once()) == 7);
}

TEST_CASE("a body may return a const object") {
  weft::run([] { CHECK(weft::spawn([]() -> const std::string { return "constant"; }).join() == "constant"); });
  CHECK(weft::run([]() -> const std::string { return "constant"; }) == "constant");
}

TEST_CASE("handles are swapped, and nothing is cancelled by that") {
  weft::run([] {
    auto one = weft::spawn([] { return 1; });
    auto two = weft::spawn([] { return 2; });
    one.swap(two);
    CHECK(one.id() > two.id());
    swap(one, two);
    std::swap(one, two);
    CHECK(one.join() == 2);
    CHECK(two.join() == 1);
  });
}
