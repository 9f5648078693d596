// SPDX-License-Identifier: BSL-1.0
// depth [stackless|bare]: what does a fiber take that is parked below 1, 10 and 50 calls? On a fiber the calls are on
// its stack; of tasks, and of bare C++20 coroutines, each awaits the next, and each has a frame of its own. One form in
// each process, so that none finds the memory that another has given back. The wait itself is a function of its own, or
// each frame would have room for it.
#include "support/awaited.hpp"
#include "support/coroutine.hpp"
#include "support/parked.hpp"

#include <chrono>
#include <string_view>
#include <utility>
#include <vector>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

namespace {

namespace stackless = weft::stackless;

constexpr auto everybody = static_cast<std::size_t>(bench::parked) * bench::parked_below.size();

weft::options one_worker() {
  weft::options one;
  one.workers = 1;
  one.hog_threshold = std::chrono::nanoseconds(0);  // spawning them all takes longer
  return one;
}

void check(long sum) { bench::expect(sum == bench::expected_sum(), "not every call came back"); }

// --- fibers ---

[[gnu::noinline]] long last(weft::event& end, long& there) {
  ++there;
  end.wait();
  return 0;
}

[[gnu::noinline]] long below(long depth, weft::event& end, long& there) {
  const bench::locals mine(depth);
  const long sum = depth > 1 ? below(depth - 1, end, there) : last(end, there);
  return sum + mine.sum();
}

void fibers() {
  weft::run(
      [] {
        weft::event end;
        long there = 0, sum = 0;
        std::vector<weft::fiber<long>> all;
        all.reserve(everybody);
        for (const long depth : bench::parked_below) {
          const bench::growth grown;
          for (long i = 0; i < bench::parked; ++i) {
            all.push_back(weft::spawn([&, depth] { return below(depth, end, there); }));
          }
          while (there < static_cast<long>(all.size())) weft::this_fiber::yield();
          grown.report("weft", depth);
        }
        end.set();
        for (auto& fiber : all) sum += fiber.join();
        check(sum);
      },
      one_worker());
}

// --- tasks ---

stackless::task<long> last_await(weft::event& end, long& there) {
  ++there;
  co_await end.async_wait();
  co_return 0;
}

stackless::task<long> awaiting(long depth, weft::event& end, long& there) {
  const bench::locals mine(depth);
  auto next = depth > 1 ? awaiting(depth - 1, end, there) : last_await(end, there);
  const long sum = co_await std::move(next);
  co_return sum + mine.sum();
}

stackless::task<> park_tasks() {
  weft::event end;
  long there = 0, sum = 0;
  std::vector<stackless::task_handle<long>> all;
  all.reserve(everybody);
  for (const long depth : bench::parked_below) {
    const bench::growth grown;
    for (long i = 0; i < bench::parked; ++i) all.push_back(stackless::create_task(awaiting(depth, end, there)));
    while (there < static_cast<long>(all.size())) co_await stackless::yield();
    grown.report("stackless", depth);
  }
  end.set();
  for (auto& task : all) sum += co_await task;
  check(sum);
}

// --- bare coroutines ---

struct park_in {
  bench::floor::fifo& queue;
  bench::floor::fifo::link mine{};

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> self) noexcept {
    mine.handle = self;
    queue.push(mine);
  }
  void await_resume() const noexcept {}
};

bench::floor::awaited last_bare_await(bench::floor::fifo& queue) {
  co_await park_in{queue};
  co_return 0;
}

bench::floor::awaited bare_await(bench::floor::fifo& queue, long depth) {
  const bench::locals mine(depth);
  auto next = depth > 1 ? bare_await(queue, depth - 1) : last_bare_await(queue);
  const long sum = co_await next;
  co_return sum + mine.sum();
}

bench::floor::plain outermost(bench::floor::fifo& queue, long depth, long& sum) {
  sum += co_await bare_await(queue, depth);
}

void coroutines() {
  bench::floor::fifo queue;
  long sum = 0;
  std::vector<bench::floor::plain> all;
  all.reserve(everybody);
  for (const long depth : bench::parked_below) {
    const bench::growth grown;
    for (long i = 0; i < bench::parked; ++i) {
      all.push_back(outermost(queue, depth, sum));
      all.back().handle.resume();
    }
    grown.report("cxx20", depth);
  }
  while (const std::coroutine_handle<> next = queue.pop()) next.resume();
  for (auto& coroutine : all) coroutine.handle.destroy();
  check(sum);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view form = argc > 1 ? argv[1] : "";
  if (form == "stackless")
    stackless::run(park_tasks(), one_worker());
  else if (form == "bare")
    coroutines();
  else
    fibers();
}
