// SPDX-License-Identifier: BSL-1.0
// What do spawn and join of an empty fiber, or stackless task, cost, one at a time and 1,000 at once, against creating, queueing, resuming and
// destroying an empty C++20 coroutine with a malloc'd frame?
#include "support/coroutine.hpp"
#include "support/report.hpp"

#include <string>
#include <vector>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

namespace {

constexpr long total = 1'000'000;  // of each measured run

// Spawned fibers are fibers: they run later, each with an id of its own.
void check_spawn() {
  std::vector<weft::fiber_id> ids;
  const auto note = [&ids] { ids.push_back(weft::this_fiber::id()); };
  auto a = weft::spawn(note), b = weft::spawn(note);
  bench::expect(ids.empty(), "spawn ran the fiber at once");
  a.join();
  b.join();
  bench::expect(ids.size() == 2 && ids[0] != ids[1], "two fibers had one identity");
}

double fibers(long batch) {
  long ran = 0;
  double each = 0;
  weft::options one;
  one.workers = 1;
  weft::run(
      [&] {
        check_spawn();
        std::vector<weft::fiber<void>> all;
        all.reserve(static_cast<std::size_t>(batch));
        const bench::stopwatch watch;
        for (long i = 0; i < total / batch; ++i) {
          for (long j = 0; j < batch; ++j) all.push_back(weft::spawn([&ran] { ++ran; }));
          for (auto& fiber : all) fiber.join();
          all.clear();
        }
        each = watch.nanoseconds() / static_cast<double>(total);
      },
      one);
  bench::expect(ran == total, "not every fiber ran");
  return each;
}

weft::stackless::task<> count(long& ran) {
  ++ran;
  co_return;
}

weft::stackless::task<double> create_and_join(long batch, long& ran) {
  std::vector<weft::stackless::task_handle<void>> all;
  all.reserve(static_cast<std::size_t>(batch));
  const bench::stopwatch watch;
  for (long i = 0; i < total / batch; ++i) {
    for (long j = 0; j < batch; ++j) all.push_back(weft::stackless::create_task(count(ran)));
    for (auto& task : all) co_await task;
    all.clear();
  }
  co_return watch.nanoseconds() / static_cast<double>(total);
}

double tasks(long batch) {
  long ran = 0;
  weft::options one;
  one.workers = 1;
  const double each = weft::stackless::run(create_and_join(batch, ran), one);
  bench::expect(ran == total, "not every task ran");
  return each;
}

[[gnu::noinline]] bench::floor::plain empty(long& ran) {  // not inlined, or the frame would not come from malloc
  ++ran;
  co_return;
}

double coroutines(long batch) {
  long ran = 0;
  std::vector<bench::floor::plain> all;
  all.reserve(static_cast<std::size_t>(batch));
  const bench::stopwatch watch;
  for (long i = 0; i < total / batch; ++i) {
    for (long j = 0; j < batch; ++j) all.push_back(empty(ran));
    for (auto& coroutine : all) coroutine.handle.resume();
    for (auto& coroutine : all) coroutine.handle.destroy();
    all.clear();
  }
  const double each = watch.nanoseconds() / static_cast<double>(total);
  bench::expect(ran == total, "not every coroutine ran");
  return each;
}

}  // namespace

int main() {
  for (const long batch : {1L, 1'000L}) {
    std::vector<double> mine, stackless, floor;
    for (int i = 0; i < bench::repeats; ++i) {
      mine.push_back(fibers(batch));
      stackless.push_back(tasks(batch));
      floor.push_back(coroutines(batch));
    }
    const std::string measure = "spawn/" + std::to_string(batch);
    bench::report(measure, "weft", "ns", mine);
    bench::report(measure, "stackless", "ns", stackless);
    bench::report(measure, "cxx20", "ns", floor);
  }
}
