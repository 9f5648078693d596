// SPDX-License-Identifier: BSL-1.0
// fiber<T> and fiber_ref: what happens to handles.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>
#include <weft/weft.hpp>

#include "support/refusal.hpp"
#include "support/scale.hpp"
#include "support/simulated.hpp"

using namespace std::chrono_literals;
using weft::test::refuses;
using weft::test::scaled;
using weft::test::simulate;

TEST_CASE("join rethrows what the body threw, unchanged") {
  simulate([] {
    auto f = weft::spawn([] { throw std::runtime_error("from inside"); });
    CHECK_THROWS_WITH_AS(f.join(), "from inside", std::runtime_error);
    CHECK(!f.joinable());
  });
}

TEST_CASE("joining twice, joining nothing and joining oneself are refused by name") {
  simulate([] {
    auto f = weft::spawn([] {});
    f.join();
    CHECK(refuses(std::errc::invalid_argument, "joined before", [&] { return f.join(), 0; }));
    weft::fiber<> none;
    CHECK(refuses(std::errc::invalid_argument, "fiber::join", [&] { return none.join(), 0; }));
    CHECK(refuses(std::errc::invalid_argument, "no fiber", [&] { return none.join_until(weft::never); }));
    CHECK(refuses(std::errc::invalid_argument, "fiber::cancel", [&] { return none.cancel(), 0; }));
    CHECK(refuses(std::errc::invalid_argument, "fiber::done", [&] { return none.done(); }));
    CHECK(refuses(std::errc::invalid_argument, "fiber::detach", [&] { return std::move(none).detach(), 0; }));

    weft::fiber<> self;
    for (const bool is_joined : {true, false}) {
      bool refused = false;
      self = weft::spawn([&] {
        refused = refuses(std::errc::resource_deadlock_would_occur, "join itself", [&] { return self.join(), 0; });
        CHECK(self.joinable());
      });
      while (!is_joined && !refused) weft::this_fiber::yield();
      self.join();
      CHECK(refused);
    }
  });
}

TEST_CASE("a second joiner is refused by name") {
  simulate([] {
    auto f = weft::spawn([] { weft::this_fiber::sleep_for(1s); });
    auto first = weft::spawn([&f] { f.join(); });
    weft::this_fiber::sleep_for(1ms);
    CHECK(refuses(std::errc::invalid_argument, "somebody else is joining", [&] { return f.join(), 0; }));
    first.join();
  });
}

TEST_CASE("join_until only waits: it never rethrows and never consumes") {
  simulate([] {
    auto f = weft::spawn([] {
      weft::this_fiber::sleep_for(1s);
      throw 7;
    });
    CHECK(!f.join_until(10ms));
    CHECK(!f.done());
    CHECK(!f.join_until(0ms));
    CHECK(f.join_until(weft::never));
    CHECK(f.done());
    CHECK(f.join_until(-1s));
    CHECK_THROWS_AS(f.join(), int);
  });
}

TEST_CASE("plain threads join, wait and are given results") {
  weft::runtime r;
  CHECK(r.spawn([] { return 3; }).join() == 3);
  CHECK_THROWS_AS(r.spawn([] { throw 1; }).join(), int);
  auto f = r.spawn([] { weft::this_fiber::sleep_until(weft::never); });
  CHECK(!f.join_until(1ms));
  CHECK(!f.join_until(0ms));
  f.cancel();
  CHECK(f.join_until(weft::never));
  CHECK(refuses(std::errc::operation_canceled, "the fiber was cancelled", [&] { return f.join(), 0; }));
}

TEST_CASE("a fiber of one runtime joins a fiber of another") {
  weft::runtime other;
  weft::run([&] {
    CHECK(other.spawn([] { return 5; }).join() == 5);
    auto f = other.spawn([] { weft::this_fiber::sleep_until(weft::never); });
    f.cancel();
    CHECK_THROWS_AS(f.join(), std::system_error);
    {
      auto dropped = other.spawn([] { weft::this_fiber::sleep_until(weft::never); });
    }
  });
}

TEST_CASE("a join that is cancelled leaves the handle joinable") {
  simulate([] {
    auto child = weft::spawn([] {
      weft::this_fiber::sleep_for(1s);
      return 9;
    });
    auto joiner = weft::spawn([&child] {
      CHECK_THROWS_AS((void)child.join(), weft::cancelled);
      CHECK(child.joinable());
    });
    weft::this_fiber::sleep_for(1ms);
    joiner.cancel();
    joiner.join();
    CHECK(child.join() == 9);
  });
}

TEST_CASE("a join of a fiber that has returned but not ended can be cancelled") {
  simulate([] {
    struct lingering {
      ~lingering() { weft::this_fiber::sleep_for(1h); }
    };
    weft::fiber_local<lingering> last;
    auto child = weft::spawn([&last] { (void)*last; });
    auto joiner = weft::spawn([&child] {
      CHECK_THROWS_AS(child.join(), weft::cancelled);
      CHECK(child.joinable());
    });
    weft::this_fiber::sleep_for(1s);
    CHECK(!child.done());
    joiner.cancel();
    joiner.join();
    child.join();
  });
}

TEST_CASE("join is a cancellation point although the other has ended") {
  simulate([] {
    auto child = weft::spawn([] { return 1; });
    CHECK(child.join_until(weft::never));
    auto joiner = weft::spawn([&child] {
      weft::this_fiber::yield();
      CHECK_THROWS_AS((void)child.join(), weft::cancelled);
    });
    while (!joiner.done() && !child.done()) weft::this_fiber::yield();
    weft::this_fiber::yield();
    joiner.cancel();
    (void)joiner.join_until(weft::never);
    CHECK(child.join() == 1);
  });
}

TEST_CASE("a detached fiber goes on") {
  simulate([] {
    bool done = false;
    weft::spawn([&done] {
      weft::this_fiber::sleep_for(1s);
      done = true;
    }).detach();
    weft::this_fiber::sleep_for(2s);
    CHECK(done);
    auto ended = weft::spawn([] { return std::make_unique<int>(1); });
    CHECK(ended.join_until(weft::never));
    std::move(ended).detach();
    CHECK(!ended.joinable());
  });
}

TEST_CASE("handles outlive their runtime") {
  std::atomic<int> alive{0};
  struct counted {
    std::atomic<int>* alive;
    explicit counted(std::atomic<int>& a) : alive(&a) { ++a; }
    counted(counted&& other) noexcept : alive(other.alive) { ++*alive; }
    ~counted() { --*alive; }
  };
  std::optional<weft::fiber<counted>> done, dropped, failed, cancelled;
  weft::run([&] {
    done = weft::spawn([&] { return counted(alive); });
    dropped = weft::spawn([&] { return counted(alive); });
    failed = weft::spawn([&]() -> counted { throw 4; });
    cancelled = weft::spawn([&]() -> counted {
      weft::this_fiber::sleep_until(weft::never);
      return counted(alive);
    });
    for (auto* f : {&*done, &*dropped, &*failed}) CHECK(f->join_until(weft::never));
  });
  CHECK(done->done());
  CHECK(alive == 2);
  CHECK(done->join_until(weft::never));
  CHECK(done->join().alive == &alive);
  dropped.reset();
  CHECK(alive == 0);
  CHECK_THROWS_AS((void)failed->join(), int);
  cancelled->cancel();
  CHECK(cancelled->done());
  CHECK_THROWS_AS((void)cancelled->join(), std::system_error);
  // What they held is used again by the runtimes that follow.
  for (std::size_t i = 0; i < scaled(50); ++i) {
    std::vector<weft::fiber<int>> kept;
    weft::run([&] {
      for (int k = 0; k < 300; ++k) kept.push_back(weft::spawn([k] { return k; }));
      for (auto& f : kept) CHECK(f.join_until(weft::never));
    });
    for (int k = 0; k < 300; ++k) CHECK(kept[std::size_t(k)].join() == k);
  }
}

TEST_CASE("a fiber_ref knows the fiber while it lives, and says done ever after") {
  weft::fiber_ref ref;
  CHECK(ref.done());
  CHECK(ref.name().empty());
  ref.cancel();
  weft::run([&] {
    auto f = weft::spawn({.name = "observed"}, [] { weft::this_fiber::sleep_until(weft::never); });
    ref = f.ref();
    CHECK(ref.id() == f.id());
    CHECK(ref.name() == "observed");
    CHECK(!ref.done());
    ref.cancel();
    CHECK(f.join_until(weft::never));
    CHECK(ref.done());
    CHECK_THROWS_AS(f.join(), std::system_error);
    CHECK(ref.name().empty());
    // Its block is another fiber's now, which the reference must leave alone.
    for (int i = 0; i < 10; ++i) {
      auto successor = weft::spawn([] {
        weft::this_fiber::yield();
        weft::this_fiber::check_cancelled();
      });
      ref.cancel();
      CHECK(ref.done());
      successor.join();
    }
  });
  CHECK(ref.done());
  ref.cancel();
}

TEST_CASE("one fiber is cancelled, joined and referred to by many threads at once") {
  weft::runtime r;
  for (std::size_t i = 0; i < scaled(400); ++i) {
    auto f = r.spawn([] { weft::this_fiber::sleep_until(weft::never); });
    const auto ref = f.ref();
    std::thread canceller([ref] {
      ref.cancel();
      while (!ref.done()) std::this_thread::yield();
    });
    f.cancel();
    CHECK_THROWS_AS(f.join(), std::system_error);
    canceller.join();
  }
}
