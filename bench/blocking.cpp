// SPDX-License-Identifier: BSL-1.0
// blocking: what does it cost to have something done on another thread, and to wait for that?
//
// blocking/call: a call of nothing through blocking(), one at a time; against posting it to a pool of one std::thread, with
// a mutex, a condition variable and a queue, and getting its std::future. blocking/many: 64 fibers (threads) call at once.
#include "support/report.hpp"

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>
#include <weft/weft.hpp>

namespace {

constexpr long rounds = 20'000;
constexpr int callers = 64;

class thread_pool {
 public:
  explicit thread_pool(int threads) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
  }
  ~thread_pool() {
    {
      const std::lock_guard guard(lock_);
      stopping_ = true;
    }
    work_.notify_all();
    for (auto& t : threads_) t.join();
  }
  template <class F> auto post(F f) {
    std::packaged_task<decltype(f())()> task(std::move(f));
    auto result = task.get_future();
    {
      const std::lock_guard guard(lock_);
      queue_.emplace_back(std::move(task));
    }
    work_.notify_one();
    return result;
  }

 private:
  void work() {
    std::unique_lock guard(lock_);
    for (;;) {
      work_.wait(guard, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      auto task = std::move(queue_.front());
      queue_.pop_front();
      guard.unlock();
      task();
      guard.lock();
    }
  }

  std::mutex lock_;
  std::condition_variable work_;
  std::deque<std::packaged_task<long()>> queue_;
  std::vector<std::thread> threads_;
  bool stopping_ = false;
};

weft::options one_worker(unsigned threads) {
  weft::options with;
  with.workers = 1;
  with.blocking_threads = threads;
  return with;
}

double by_fiber() {
  return weft::run(
      [] {
        long sum = 0;
        weft::blocking([] {});
        const bench::stopwatch watch;
        for (long i = 0; i < rounds; ++i) sum += weft::blocking([i] { return i; });
        const double each = watch.nanoseconds() / rounds;
        bench::expect(sum == rounds * (rounds - 1) / 2, "not all calls were made");
        return each;
      },
      one_worker(1));
}

double by_future() {
  thread_pool pool(1);
  long sum = pool.post([] { return 0L; }).get();
  const bench::stopwatch watch;
  for (long i = 0; i < rounds; ++i) sum += pool.post([i] { return i; }).get();
  const double each = watch.nanoseconds() / rounds;
  bench::expect(sum == rounds * (rounds - 1) / 2, "not all calls were made");
  return each;
}

double by_fibers() {
  return weft::run(
      [] {
        const bench::stopwatch watch;
        weft::with_scope([](weft::scope& s) {
          for (int k = 0; k < callers; ++k) {
            s.spawn([] {
              for (long i = 0; i < rounds / callers; ++i) weft::blocking([] {});
            });
          }
        });
        return watch.nanoseconds() / double(rounds / callers * callers);
      },
      one_worker(4));
}

double by_threads() {
  thread_pool pool(4);
  const bench::stopwatch watch;
  std::vector<std::thread> threads;
  for (int k = 0; k < callers; ++k) {
    threads.emplace_back([&pool] {
      for (long i = 0; i < rounds / callers; ++i) pool.post([] { return 0L; }).get();
    });
  }
  for (auto& t : threads) t.join();
  return watch.nanoseconds() / double(rounds / callers * callers);
}

}  // namespace

int main() {
  std::vector<double> fiber, future, fibers, threads;
  for (int i = 0; i < bench::repeats; ++i) {
    fiber.push_back(by_fiber());
    future.push_back(by_future());
    fibers.push_back(by_fibers());
    threads.push_back(by_threads());
  }
  bench::report("blocking/call", "weft", "ns", fiber);
  bench::report("blocking/call", "std", "ns", future);
  bench::report("blocking/many", "weft", "ns", fibers);
  bench::report("blocking/many", "std", "ns", threads);
}
