// SPDX-License-Identifier: BSL-1.0
// The idle protocol under fire: its store-load pairs alone, then all of it with workers that really sleep.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "run/deque.hpp"
#include "run/fake_runnable.hpp"
#include "run/idle.hpp"
#include "run/inbox.hpp"
#include "support/litmus.hpp"
#include "support/scale.hpp"

using namespace weft::detail;
using namespace weft::test;
using role = idle::role;

// In the next two each actor first looks at what the other will write, as it does in life. It also makes the failure
// likely: the actor's own store then waits for its cache line while its load hits.

// Caught by this: `deque::push` that only releases its bottom, and `worker_to_wake` before the push.
TEST_CASE("of a publisher and a worker that falls asleep at least one sees the other") {
  idle i(1, 1);
  deque d(2);
  fake_runnable r;
  CHECK(litmus(
            scaled(20'000), [] {},
            [&] {
              const bool ok = i.sleepers() == 0 || d.is_empty();  // chosen or retracted, or nothing to do
              if (i.retract(0) == role::searching) (void)i.end_search();
              while (d.pop()) {
              }
              return ok;
            },
            [&](stagger& wait) {
              for (bool timer : {bool(wait.random() & 1), false}) {
                wait(d.is_empty() ? 64 : 32);
                i.announce(0, false);
                if (!d.is_empty()) {
                  i.retract_to_search(0);
                  return;
                }
                if (!timer) return;  // asleep
                wait();
                if (i.retract(0) == role::searching) (void)i.end_search();
              }
            },
            [&](stagger& wait) {
              for (std::uint64_t left = wait.random() % 2 + 1; left; --left) {
                wait(i.sleepers() ? 256 : 1024);
                (void)d.push(r);
                (void)i.worker_to_wake();
              }
            }) == 0);
}

TEST_CASE("two publishers that see the same sleeper wake it once") {
  idle i(2, 1);
  std::array<deque, 2> d;
  fake_runnable r[2];
  std::array<int, 2> wakes{};
  CHECK(litmus(
            scaled(10'000),
            [&] {
              i.announce(0, false);
              i.announce(1, false);
              wakes = {};
            },
            [&] {
              const bool ok = wakes[0] + wakes[1] == 1 && i.searchers() == 1 && i.sleepers() == 1;
              for (unsigned w = 0; w < 2; ++w)
                if (i.retract(w) == role::searching) (void)i.end_search();
              for (auto& each : d)
                while (each.pop()) {
                }
              return ok;
            },
            [&](stagger&) {
              for (int n = 0; n < 2; ++n) {
                (void)d[0].push(r[0]);
                wakes[0] += i.worker_to_wake() >= 0;
              }
            },
            [&](stagger&) {
              for (int n = 0; n < 2; ++n) {
                (void)d[1].push(r[1]);
                wakes[1] += i.worker_to_wake() >= 0;
              }
            }) == 0);
}

// Caught by this: `prepare` as a plain store, and an inbox push that only releases (not on x86).
TEST_CASE("of a waker with an order and a worker that falls asleep at least one sees the other") {
  sleep_word s;
  inbox in;
  fifo got;
  std::array<fake_runnable, 2> r;
  std::array<bool, 2> owes{}, told{};
  bool saw = false;
  CHECK(litmus(
            scaled(20'000), [&] { told = {}; },
            [&] {
              told[1] = s.end();
              const bool left = in.take_all(got) != 0;
              while (got.pop_front()) {
              }
              return (!left || saw || told[1]) && owes[0] + owes[1] == told[0] + told[1];
            },
            [&](stagger& wait) {
              for (std::size_t n = 0; n < 2; ++n) {
                in.push(r[n]);
                owes[n] = s.wake();
                wait(256);
              }
            },
            [&](stagger& wait) {
              if (wait.random() & 1) {
                s.prepare();
                wait();
                told[0] = s.end();  // the poller had something
                in.take_all(got);
              }
              wait(in.is_empty() ? 256 : 128);
              s.prepare();
              saw = !in.is_empty();  // else it sleeps
            }) == 0);
}

namespace {

// Workers that do nothing but the protocol. An item that is run stays on its worker until every item of its round has
// been taken: so a round ends only if each item has found a worker of its own, and one lost wake-up hangs the test.
class toy_scheduler {
 public:
  toy_scheduler(unsigned workers, unsigned limit) : idle_(workers, limit), workers_(workers), items_(workers) {
    for (unsigned w = 0; w < workers; ++w) workers_[w].thread = std::thread([this, w] { work(w); });
  }
  ~toy_scheduler() {
    stop_.store(true, std::memory_order_seq_cst);
    for (worker& w : workers_) {
      if (w.sleep.wake()) w.write();
      w.thread.join();
    }
  }

  // As many items as workers: `first` of them published here, the rest by the worker that runs item 0.
  void round(unsigned first) {
    children_ = static_cast<unsigned>(items_.size()) - first;
    taken_.store(0, std::memory_order_relaxed);
    left_.store(static_cast<unsigned>(items_.size()), std::memory_order_relaxed);
    for (unsigned i = 0; i < items_.size(); ++i) items_[i].number = static_cast<int>(i);
    for (unsigned i = 0; i < first; ++i) publish(outside_, items_[i]);
    spin_until([&] { return left_.load(std::memory_order_acquire) == 0; });
  }

 private:
  struct worker {
    deque queue{2};
    sleep_word sleep;
    std::atomic<int> event{0};  // stands for the eventfd
    std::thread thread;

    void write() {
      event.store(1, std::memory_order_release);
      event.notify_one();
    }
    void read() {
      event.wait(0, std::memory_order_acquire);
      event.store(0, std::memory_order_relaxed);
    }
  };

  void publish(deque& d, fake_runnable& item) {
    (void)d.push(item);
    wake_one();
  }
  void wake_one() {
    const int w = idle_.worker_to_wake();
    if (w >= 0 && workers_[std::size_t(w)].sleep.wake()) workers_[std::size_t(w)].write();
  }

  template <class F> bool any_queue(F f) {
    if (f(outside_)) return true;
    for (worker& w : workers_)
      if (f(w.queue)) return true;
    return false;
  }
  runnable* look() {
    runnable* r = nullptr;  // after a lost theft it is somebody else's
    const bool got = any_queue([&](deque& d) {
      theft t;
      while ((t = d.steal(r)) == theft::lost) {
      }
      return t == theft::got;
    });
    return got ? r : nullptr;
  }
  bool sees_work() {
    return any_queue([](deque& d) { return !d.is_empty(); });
  }

  void run(worker& me, runnable& r) {
    const unsigned all = static_cast<unsigned>(items_.size());
    if (fake(&r)->number == 0)
      for (unsigned i = all - children_; i < all; ++i) publish(me.queue, items_[i]);
    taken_.fetch_add(1, std::memory_order_acq_rel);
    spin_until([&] { return taken_.load(std::memory_order_acquire) == all; });
    left_.fetch_sub(1, std::memory_order_release);
  }

  void work(unsigned index) {
    worker& me = workers_[index];
    bool searching = false;
    while (!stop_.load(std::memory_order_relaxed)) {
      if (!searching) searching = idle_.try_search();
      if (searching) {
        if (runnable* const r = look()) {
          if (idle_.end_search()) wake_one();
          searching = false;
          run(me, *r);
          continue;
        }
      }
      me.sleep.prepare();
      idle_.announce(index, searching);
      if (stop_.load(std::memory_order_seq_cst) || sees_work()) {
        me.sleep.end();
        idle_.retract_to_search(index);
        searching = true;
        continue;
      }
      me.read();
      me.sleep.end();
      searching = idle_.retract(index) == role::searching;
    }
    if (searching) (void)idle_.end_search();
  }

  idle idle_;
  deque outside_{2};
  std::vector<worker> workers_;
  std::vector<fake_runnable> items_;
  unsigned children_ = 0;
  std::atomic<unsigned> taken_{0}, left_{0};
  std::atomic<bool> stop_{false};
};

}  // namespace

// Caught by this, as a hang: a sleeper that does not look again, a last searcher that forgets its duty, a woken worker
// that forgets that it searches.
TEST_CASE("every published item finds a worker of its own while one sleeps") {
  for (unsigned limit : {0u, 1u, 2u}) {
    for (unsigned workers : {2u, 3u, 4u}) {
      toy_scheduler s(workers, limit);
      for (std::size_t n = 0; n < scaled(500); ++n) s.round(1 + unsigned(n % workers));
    }
  }
}
