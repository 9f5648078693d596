// SPDX-License-Identifier: BSL-1.0
// What does a yield cost among 2, 100, 1,000 and 10,000 fibers, or stackless tasks, on one worker, against a C++20 coroutine
// that yields through an intrusive queue in the same process?
#include "support/coroutine.hpp"
#include "support/report.hpp"

#include <string>
#include <vector>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

namespace {

constexpr long total = 4'000'000;  // yields of each measured run

// Sees that each yield really went to somebody else: both sides call it before each yield.
class alternation {
 public:
  void note(const void* who) noexcept {
    turns_ += who != last_;
    last_ = who;
  }
  [[nodiscard]] bool real() const noexcept { return turns_ >= total - total / 50; }

 private:
  long turns_ = 0;
  const void* last_ = nullptr;
};

double fibers(long count) {
  alternation seen;
  double each = 0;
  weft::options one;
  one.workers = 1;
  weft::run(
      [&] {
        const auto body = [&seen, rounds = total / count] {
          const char mine = 0;
          for (long i = 0; i < rounds; ++i) {
            seen.note(&mine);
            weft::this_fiber::yield();
          }
        };
        std::vector<weft::fiber<void>> all;
        all.reserve(static_cast<std::size_t>(count));
        const bench::stopwatch watch;
        for (long i = 0; i < count; ++i) all.push_back(weft::spawn(body));
        for (auto& fiber : all) fiber.join();
        each = watch.nanoseconds() / static_cast<double>(total);
      },
      one);
  bench::expect(seen.real(), "the fibers did not take turns");
  return each;
}

weft::stackless::task<> taking_turns(long rounds, alternation& seen) {
  const char mine = 0;
  for (long i = 0; i < rounds; ++i) {
    seen.note(&mine);
    co_await weft::stackless::yield();
  }
}

weft::stackless::task<double> tasks_take_turns(long count, alternation& seen) {
  std::vector<weft::stackless::task_handle<void>> all;
  all.reserve(static_cast<std::size_t>(count));
  const bench::stopwatch watch;
  for (long i = 0; i < count; ++i) all.push_back(weft::stackless::create_task(taking_turns(total / count, seen)));
  for (auto& task : all) co_await task;
  co_return watch.nanoseconds() / static_cast<double>(total);
}

double tasks(long count) {
  alternation seen;
  weft::options one;
  one.workers = 1;
  const double each = weft::stackless::run(tasks_take_turns(count, seen), one);
  bench::expect(seen.real(), "the tasks did not take turns");
  return each;
}

bench::floor::plain looping(bench::floor::fifo& queue, long rounds, alternation& seen, long& ended) {
  const char mine = 0;
  for (long i = 0; i < rounds; ++i) {
    seen.note(&mine);
    co_await bench::floor::yield_through{queue};
  }
  ++ended;
}

double coroutines(long count) {
  alternation seen;
  long ended = 0;
  bench::floor::fifo queue;
  std::vector<bench::floor::plain> all;
  std::vector<bench::floor::fifo::link> links(static_cast<std::size_t>(count));
  all.reserve(links.size());
  const bench::stopwatch watch;
  for (auto& link : links) {
    all.push_back(looping(queue, total / count, seen, ended));
    link.handle = all.back().handle;
    queue.push(link);
  }
  while (const std::coroutine_handle<> next = queue.pop()) next.resume();
  const double each = watch.nanoseconds() / static_cast<double>(total);
  for (auto& coroutine : all) coroutine.handle.destroy();
  bench::expect(ended == count && seen.real(), "the coroutines did not take turns");
  return each;
}

}  // namespace

int main() {
  for (const long count : {2L, 100L, 1'000L, 10'000L}) {
    std::vector<double> mine, stackless, floor;
    for (int i = 0; i < bench::repeats; ++i) {
      mine.push_back(fibers(count));
      stackless.push_back(tasks(count));
      floor.push_back(coroutines(count));
    }
    const std::string measure = "yield/" + std::to_string(count);
    bench::report(measure, "weft", "ns", mine);
    bench::report(measure, "stackless", "ns", stackless);
    bench::report(measure, "cxx20", "ns", floor);
  }
}
