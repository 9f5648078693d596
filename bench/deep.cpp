// SPDX-License-Identifier: BSL-1.0
// What does it cost to wait below a chain of 1, 10 and 100 calls, and to hand an item up through as many? On a fiber the
// chain is one of calls; of tasks each awaits the next; and so do C++20 coroutines in the same process.
#include "support/awaited.hpp"
#include "support/coroutine.hpp"
#include "support/levels.hpp"

#include <vector>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

namespace {

namespace stackless = weft::stackless;
using bench::descents;
using bench::handed_up;

weft::options one_worker() {
  weft::options one;
  one.workers = 1;
  return one;
}

// Of two flows that went down `descents` times each.
double each(const bench::stopwatch& watch, long depth, long sum) {
  const double took = watch.nanoseconds() / (2 * descents);
  bench::expect(sum == 2 * descents * depth, "not every level was reached");
  return took;
}

// --- a wait at the bottom ---

[[gnu::noinline]] long call(long depth) {
  if (depth == 0) {
    weft::this_fiber::yield();
    return 0;
  }
  return bench::keep(call(depth - 1)) + 1;
}

double fibers(long depth) {
  return weft::run(
      [depth] {
        const auto body = [depth] {
          long sum = 0;
          for (long i = 0; i < descents; ++i) sum += call(depth);
          return sum;
        };
        const bench::stopwatch watch;
        auto a = weft::spawn(body), b = weft::spawn(body);
        const long sum = a.join() + b.join();
        return each(watch, depth, sum);
      },
      one_worker());
}

stackless::task<long> await(long depth) {
  if (depth == 0) {
    co_await stackless::yield();
    co_return 0;
  }
  co_return co_await await(depth - 1) + 1;
}

stackless::task<long> awaits(long depth) {
  long sum = 0;
  for (long i = 0; i < descents; ++i) sum += co_await await(depth);
  co_return sum;
}

stackless::task<double> two_tasks(long depth) {
  const bench::stopwatch watch;
  auto a = stackless::create_task(awaits(depth)), b = stackless::create_task(awaits(depth));
  const long first = co_await a, second = co_await b;
  co_return each(watch, depth, first + second);
}

double tasks(long depth) { return stackless::run(two_tasks(depth), one_worker()); }

bench::floor::awaited bare_await(bench::floor::fifo& queue, long depth) {
  if (depth == 0) {
    co_await bench::floor::yield_through{queue};
    co_return 0;
  }
  co_return co_await bare_await(queue, depth - 1) + 1;
}

bench::floor::plain bare_awaits(bench::floor::fifo& queue, long depth, long& sum) {
  for (long i = 0; i < descents; ++i) sum += co_await bare_await(queue, depth);
}

double coroutines(long depth) {
  bench::floor::fifo queue;
  long sum = 0;
  const bench::stopwatch watch;
  std::vector<bench::floor::plain> all{bare_awaits(queue, depth, sum), bare_awaits(queue, depth, sum)};
  std::vector<bench::floor::fifo::link> links(all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    links[i].handle = all[i].handle;
    queue.push(links[i]);
  }
  while (const std::coroutine_handle<> next = queue.pop()) next.resume();
  const double took = each(watch, depth, sum);
  for (auto& coroutine : all) coroutine.handle.destroy();
  return took;
}

// --- an item handed up ---

template <class Pulls> double per_item(Pulls pulls) {
  const bench::stopwatch watch;
  const long sum = pulls();
  const double took = watch.nanoseconds() / handed_up;
  bench::expect(sum == handed_up * (handed_up - 1) / 2, "not every item came");
  return took;
}

[[gnu::noinline]] long hand_out(weft::generator<long>::yielder& yield, long depth) {
  if (depth > 1) return bench::keep(hand_out(yield, depth - 1)) + 1;
  for (long i = 0; i < handed_up; ++i) yield(i);
  return 1;
}

double stackful_items(long depth) {
  return per_item([depth] {
    weft::generator<long> items([depth](auto& yield) { hand_out(yield, depth); });
    long sum = 0;
    for (const long item : items) sum += item;
    return sum;
  });
}

stackless::generator<long> delegating(long depth) {
  if (depth > 1) {
    co_yield stackless::elements_of(delegating(depth - 1));
  } else {
    for (long i = 0; i < handed_up; ++i) co_yield i;
  }
}

double stackless_items(long depth) {
  return per_item([depth] {
    long sum = 0;
    auto items = delegating(depth);
    for (const long item : items) sum += item;
    return sum;
  });
}

bench::floor::yielding yielding_on(long depth) {
  if (depth > 1) {
    auto below = yielding_on(depth - 1);
    while (below.next()) co_yield below.value();
  } else {
    for (long i = 0; i < handed_up; ++i) co_yield i;
  }
}

double bare_items(long depth) {
  return per_item([depth] {
    long sum = 0;
    auto items = yielding_on(depth);
    while (items.next()) sum += items.value();
    return sum;
  });
}

}  // namespace

int main() {
  bench::each_depth("deep/await", "weft", fibers);
  bench::each_depth("deep/await", "stackless", tasks);
  bench::each_depth("deep/await", "cxx20", coroutines);
  bench::each_depth("deep/yield", "weft", stackful_items);
  bench::each_depth("deep/yield", "stackless", stackless_items);
  bench::each_depth("deep/yield", "cxx20", bare_items);
}
