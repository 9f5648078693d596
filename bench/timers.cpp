// SPDX-License-Identifier: BSL-1.0
// What CPU do 100,000 fibers, or tasks, take that each sleep a random time below a second, and a million deadlines that are set and
// then cancelled in another order? The second asks the timers of a worker themselves, as the peer's are asked.
#include "support/deadlines.hpp"
#include "support/report.hpp"

#include <atomic>
#include <deque>
#include <poll/timers.hpp>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

namespace {

constexpr std::size_t sleepers = 100'000;

double sleeps() {
  std::mt19937_64 random(1);
  std::uniform_int_distribution<long> below_a_second(0, 999'999'999);
  weft::options one;
  one.workers = 1;
  one.hog_threshold = std::chrono::nanoseconds(0);  // spawning them all takes longer
  long woken = 0, early = 0;
  const double before = bench::cpu_seconds();
  weft::run(
      [&] {
        std::vector<weft::fiber<void>> all;
        all.reserve(sleepers);
        for (std::size_t i = 0; i < sleepers; ++i) {
          all.push_back(weft::spawn([&, nap = std::chrono::nanoseconds(below_a_second(random))] {
            const auto until = std::chrono::steady_clock::now() + nap;
            weft::this_fiber::sleep_for(nap);
            early += std::chrono::steady_clock::now() < until;
            ++woken;
          }));
        }
        for (auto& fiber : all) fiber.join();
      },
      one);
  bench::expect(woken == sleepers && early == 0, "somebody woke early");
  return bench::cpu_seconds() - before;
}

weft::stackless::task<> napping(std::chrono::nanoseconds nap, long& woken, long& early) {
  const auto until = std::chrono::steady_clock::now() + nap;
  co_await weft::stackless::sleep(nap);
  early += std::chrono::steady_clock::now() < until;
  ++woken;
}

weft::stackless::task<> all_nap(long& woken, long& early) {
  std::mt19937_64 random(1);
  std::uniform_int_distribution<long> below_a_second(0, 999'999'999);
  std::vector<weft::stackless::task_handle<>> all;
  all.reserve(sleepers);
  for (std::size_t i = 0; i < sleepers; ++i) {
    all.push_back(
        weft::stackless::create_task(napping(std::chrono::nanoseconds(below_a_second(random)), woken, early)));
  }
  for (auto& task : all) co_await task;
}

double task_sleeps() {
  weft::options one;
  one.workers = 1;
  one.hog_threshold = std::chrono::nanoseconds(0);
  long woken = 0, early = 0;
  const double before = bench::cpu_seconds();
  weft::stackless::run(all_nap(woken, early), one);
  bench::expect(woken == sleepers && early == 0, "somebody woke early");
  return bench::cpu_seconds() - before;
}

double deadlines() {
  const bench::deadline_plan plan;
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  weft::detail::timers timers;
  struct node : weft::detail::timer_node {
    node() noexcept : timer_node([](timer_node&, weft::detail::wake_list&) noexcept {}) {}
  };
  std::deque<node> all(bench::deadline_plan::count);
  std::vector<node*> by_index;
  for (node& n : all) by_index.push_back(&n);
  const double before = bench::cpu_seconds();
  for (std::size_t i = 0; i < by_index.size(); ++i) {
    by_index[i]->at = std::chrono::nanoseconds(now + plan.delay[i]).count();
    timers.insert(*by_index[i]);
  }
  for (const std::size_t i : plan.order) timers.cancel(*by_index[i]);
  const double took = bench::cpu_seconds() - before;
  weft::detail::wake_list woken;
  bench::expect(timers.expire(weft::deadline::limit - 1, woken) == 0, "a deadline was not cancelled");
  return took;
}

}  // namespace

int main() {
  std::vector<double> slept, task_slept, cancelled;
  for (int i = 0; i < bench::repeats; ++i) cancelled.push_back(deadlines());
  for (int i = 0; i < 3; ++i) {
    slept.push_back(sleeps());
    task_slept.push_back(task_sleeps());
  }
  bench::report("timers/sleeps", "weft", "s", slept);
  bench::report("timers/sleeps", "stackless", "s", task_slept);
  bench::report("timers/deadlines", "weft", "s", cancelled);
}
