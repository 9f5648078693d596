// SPDX-License-Identifier: BSL-1.0
// wake: what does it take to make somebody run on another core? wake idle: what does a runtime use that has nothing to do?
//
// wake/worker: a fiber starts another on the second worker and joins it: two wake-ups, there and back; against two threads
// that wake each other through a condition variable. wake/thread: a plain thread starts a fiber and spins until that ran;
// against the same with a thread that waits on a condition variable. Needs two cores.
#include "support/report.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>
#include <weft/weft.hpp>

namespace {

constexpr long rounds = 20'000;

weft::options two_workers() {
  weft::options two;
  two.workers = 2;
  return two;
}

double between_workers() {
  return weft::run(
      [] {
        weft::spawn_options here, there;
        here.worker = 0;
        there.worker = 1;
        return weft::spawn(here,
                           [&] {
                             std::thread::id other;
                             long ran = 0;
                             const bench::stopwatch watch;
                             for (long i = 0; i < rounds; ++i) {
                               weft::spawn(there, [&] {
                                 other = std::this_thread::get_id();
                                 ++ran;
                               }).join();
                             }
                             const double each = watch.nanoseconds() / rounds;
                             bench::expect(ran == rounds && other != std::this_thread::get_id(),
                                           "both fibers ran on one worker");
                             return each;
                           })
            .join();
      },
      two_workers());
}

// A bell that one thread waits for.
class bell {
 public:
  void ring() {
    {
      const std::lock_guard lock(mutex_);
      rung_ = true;
    }
    condition_.notify_one();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    condition_.wait(lock, [this] { return rung_; });
    rung_ = false;
  }

 private:
  std::mutex mutex_;
  std::condition_variable condition_;
  bool rung_ = false;
};

double between_threads() {
  bell there, back;
  std::thread other([&] {
    for (long i = 0; i < rounds; ++i) {
      there.wait();
      back.ring();
    }
  });
  const bench::stopwatch watch;
  for (long i = 0; i < rounds; ++i) {
    there.ring();
    back.wait();
  }
  const double each = watch.nanoseconds() / rounds;
  other.join();
  return each;
}

double thread_to_fiber() {
  weft::options one;
  one.workers = 1;
  weft::runtime runtime(one);
  std::atomic<long> ran{0};
  const bench::stopwatch watch;
  for (long i = 0; i < rounds; ++i) {
    runtime.go([&ran] { ran.fetch_add(1, std::memory_order_release); });
    while (ran.load(std::memory_order_acquire) == i) {
    }
  }
  return watch.nanoseconds() / rounds;
}

double thread_to_thread() {
  bell rung;
  std::atomic<long> ran{0};
  std::thread other([&] {
    for (long i = 0; i < rounds; ++i) {
      rung.wait();
      ran.fetch_add(1, std::memory_order_release);
    }
  });
  const bench::stopwatch watch;
  for (long i = 0; i < rounds; ++i) {
    rung.ring();
    while (ran.load(std::memory_order_acquire) == i) {
    }
  }
  const double each = watch.nanoseconds() / rounds;
  other.join();
  return each;
}

// CPU milliseconds in ten seconds of a runtime whose only fiber sleeps.
double idle() {
  return weft::run(
      [] {
        weft::this_fiber::sleep_for(std::chrono::milliseconds(200));  // what starting left behind has calmed down
        const double before = bench::cpu_seconds();
        weft::this_fiber::sleep_for(std::chrono::seconds(10));
        return (bench::cpu_seconds() - before) * 1e3;
      },
      two_workers());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "idle") {
    bench::report("wake/idle", "weft", "ms", {idle()});
    return 0;
  }
  std::vector<double> workers, threads, to_fiber, to_thread;
  for (int i = 0; i < bench::repeats; ++i) {
    workers.push_back(between_workers());
    threads.push_back(between_threads());
    to_fiber.push_back(thread_to_fiber());
    to_thread.push_back(thread_to_thread());
  }
  bench::report("wake/worker", "weft", "ns", workers);
  bench::report("wake/worker", "condvar", "ns", threads);
  bench::report("wake/thread", "weft", "ns", to_fiber);
  bench::report("wake/thread", "condvar", "ns", to_thread);
}
