// SPDX-License-Identifier: BSL-1.0
// What does a mutex cost that nobody else wants, locked and unlocked on a fiber, against std::mutex at the same place, and in
// a task? And one that 100 fibers, or tasks, want on two workers, against 100 threads with std::mutex?
//
// mutex: the first. mutex 2: the second, which needs two cores.
#include "support/report.hpp"

#include <mutex>
#include <string_view>
#include <thread>
#include <vector>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

namespace {

constexpr long alone = 400'000, total = 4'000'000;  // locks of each measured run
constexpr long count = 100;

template <class Mutex> double uncontended() {
  return weft::run(
      [] {
        Mutex m;
        long locked = 0;
        const bench::stopwatch watch;
        for (long i = 0; i < alone; ++i) {
          m.lock();
          ++locked;
          m.unlock();
        }
        const double each = watch.nanoseconds() / double(alone);
        bench::expect(locked == alone, "not all locks were had");
        return each;
      },
      {.workers = 1});
}

weft::stackless::task<double> uncontended_in_a_task() {
  weft::mutex m;
  long locked = 0;
  const bench::stopwatch watch;
  for (long i = 0; i < alone; ++i) {
    co_await m.async_lock();
    ++locked;
    m.unlock();
  }
  const double each = watch.nanoseconds() / double(alone);
  bench::expect(locked == alone, "not all locks were had");
  co_return each;
}

template <class Mutex> struct shared_count {
  void add(long n) {
    for (; n > 0; --n) {
      const std::lock_guard guard(m);
      ++value;
    }
  }
  alignas(64) Mutex m;
  long value = 0;
};

double fibers() {
  return weft::run(
      [] {
        shared_count<weft::mutex> sum;
        std::vector<weft::fiber<void>> all;
        all.reserve(count);
        const bench::stopwatch watch;
        for (long i = 0; i < count; ++i) all.push_back(weft::spawn([&] { sum.add(total / count); }));
        for (auto& f : all) f.join();
        const double each = watch.nanoseconds() / double(total);
        bench::expect(sum.value == total, "the mutex did not exclude");
        return each;
      },
      {.workers = 2});
}

weft::stackless::task<> adding(shared_count<weft::mutex>& to) {
  for (long i = 0; i < total / count; ++i) {
    co_await to.m.async_lock();
    ++to.value;
    to.m.unlock();
  }
}

weft::stackless::task<double> tasks() {
  shared_count<weft::mutex> sum;
  std::vector<weft::stackless::task_handle<>> all;
  all.reserve(count);
  const bench::stopwatch watch;
  for (long i = 0; i < count; ++i) all.push_back(weft::stackless::create_task(adding(sum)));
  for (auto& task : all) co_await task;
  const double each = watch.nanoseconds() / double(total);
  bench::expect(sum.value == total, "the mutex did not exclude");
  co_return each;
}

double threads() {
  shared_count<std::mutex> sum;
  std::vector<std::thread> all;
  all.reserve(count);
  const bench::stopwatch watch;
  for (long i = 0; i < count; ++i) all.emplace_back([&] { sum.add(total / count); });
  for (auto& t : all) t.join();
  const double each = watch.nanoseconds() / double(total);
  bench::expect(sum.value == total, "the mutex did not exclude");
  return each;
}

}  // namespace

int main(int argc, char** argv) {
  const bool two = argc > 1 && std::string_view(argv[1]) == "2";
  std::vector<double> mine, stackless, floor;
  for (int i = 0; i < bench::repeats; ++i) {
    mine.push_back(two ? fibers() : uncontended<weft::mutex>());
    stackless.push_back(two ? weft::stackless::run(tasks(), {.workers = 2})
                            : weft::stackless::run(uncontended_in_a_task(), {.workers = 1}));
    floor.push_back(two ? threads() : uncontended<std::mutex>());
  }
  bench::report(two ? "mutex/100" : "mutex/uncontended", two ? "weft-2" : "weft", "ns", mine);
  bench::report(two ? "mutex/100" : "mutex/uncontended", two ? "std-2" : "std", "ns", floor);
  bench::report(two ? "mutex/100" : "mutex/uncontended", two ? "stackless-2" : "stackless", "ns", stackless);
}
