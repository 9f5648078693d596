// SPDX-License-Identifier: BSL-1.0
// event: what does it cost to wake 10,000 who wait for one thing? On one worker, per fiber, or task, and round: to be
// woken by an event, to say so to a wait group, and to wait for the next event. The first round, in which all begin, is
// not counted.
#include "support/report.hpp"

#include <memory>
#include <vector>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

namespace {

constexpr long herd = 10'000, rounds = 50;

double wake_all() {
  weft::options one;
  one.workers = 1;
  return weft::run(
      [] {
        const auto doors = std::make_unique<weft::event[]>(rounds + 1);
        weft::wait_group passed;
        long sum = 0;
        std::vector<weft::fiber<void>> all;
        all.reserve(herd);
        for (long i = 0; i < herd; ++i) {
          all.push_back(weft::spawn([&] {
            for (long r = 0; r <= rounds; ++r) {
              doors[std::size_t(r)].wait();
              ++sum;
              passed.done();
            }
          }));
        }
        const auto round = [&](long r) {
          passed.add(herd);
          doors[std::size_t(r)].set();
          passed.wait();
        };
        round(0);
        const bench::stopwatch watch;
        for (long r = 1; r <= rounds; ++r) round(r);
        const double each = watch.nanoseconds() / double(herd * rounds);
        for (auto& f : all) f.join();
        bench::expect(sum == herd * (rounds + 1), "somebody was not woken");
        return each;
      },
      one);
}

namespace stackless = weft::stackless;

stackless::task<> runs_through(weft::event* doors, weft::wait_group& passed, long& sum) {
  for (long r = 0; r <= rounds; ++r) {
    co_await doors[std::size_t(r)].async_wait();
    ++sum;
    passed.done();
  }
}

stackless::task<double> wake_all_tasks() {
  const auto doors = std::make_unique<weft::event[]>(rounds + 1);
  weft::wait_group passed;
  long sum = 0;
  std::vector<stackless::task_handle<>> all;
  all.reserve(herd);
  for (long i = 0; i < herd; ++i) all.push_back(stackless::create_task(runs_through(doors.get(), passed, sum)));
  bench::stopwatch watch;
  for (long r = 0; r <= rounds; ++r) {
    if (r == 1) watch = {};
    passed.add(herd);
    doors[std::size_t(r)].set();
    co_await passed.async_wait();
  }
  const double each = watch.nanoseconds() / double(herd * rounds);
  for (auto& task : all) co_await task;
  bench::expect(sum == herd * (rounds + 1), "somebody was not woken");
  co_return each;
}

}  // namespace

int main() {
  std::vector<double> weft, tasks;
  for (int i = 0; i < bench::repeats; ++i) {
    weft.push_back(wake_all());
    tasks.push_back(stackless::run(wake_all_tasks(), {.workers = 1}));
  }
  bench::report("event/10000", "weft", "ns", weft);
  bench::report("event/10000", "stackless", "ns", tasks);
}
