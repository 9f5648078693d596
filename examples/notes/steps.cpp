// SPDX-License-Identifier: BSL-1.0
// one_task calls big_step, which calls small_step, which has to wait: five ways not to stand still meanwhile.
//
//  1. A call that blocks: nobody else does anything.
//  2. small_step hands out what it waits for instead; every caller above pulls it in a loop, by hand, and hands on.
//  3. The loop by hand is a delegation: Python's `yield from`.
//  4. The delegation is a co_await, and an event loop does the waiting, for three tasks at once.
//  5. The same in fibers: the functions of 1, unchanged but for who sleeps.
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <thread>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

namespace {

using namespace std::chrono_literals;
using wait = std::chrono::milliseconds;

// The three functions as they would be written if waiting were no matter.
template <class Sleep> int small_step(Sleep sleep) {
  std::puts("      small_step waits");
  sleep(1ms);
  std::puts("      small_step works");
  return 123;
}
template <class Sleep> int big_step(Sleep sleep) {
  std::puts("    big_step begins");
  const int small = small_step(sleep);
  std::printf("    big_step got %d\n", small);
  return small * 1000;
}
template <class Sleep> void one_task(Sleep sleep) {
  std::puts("  one_task begins");
  const int big = big_step(sleep);
  std::printf("  one_task got %d\n", big);
}

namespace by_hand {

using weft::stackless::generator;

generator<wait, void, int> small_step() {
  std::puts("      small_step waits");
  co_yield 1ms;
  std::puts("      small_step works");
  co_return 123;
}
generator<wait, void, int> big_step() {
  std::puts("    big_step begins");
  auto small = small_step();
  while (auto what = small.next()) co_yield *what;
  std::printf("    big_step got %d\n", small.result());
  co_return small.result() * 1000;
}
generator<wait> one_task() {
  std::puts("  one_task begins");
  auto big = big_step();
  while (auto what = big.next()) co_yield *what;
  std::printf("  one_task got %d\n", big.result());
}

}  // namespace by_hand

namespace delegating {

using weft::stackless::elements_of;
using weft::stackless::generator;

generator<wait, void, int> big_step() {
  std::puts("    big_step begins");
  const int small = co_yield elements_of(by_hand::small_step());
  std::printf("    big_step got %d\n", small);
  co_return small * 1000;
}
generator<wait> one_task() {
  std::puts("  one_task begins");
  const int big = co_yield elements_of(big_step());
  std::printf("  one_task got %d\n", big);
}

}  // namespace delegating

namespace awaiting {

using weft::stackless::task;

task<int> small_step(int number) {
  std::printf("      small_step %d waits\n", number);
  co_await weft::stackless::sleep(number * 20ms);
  std::printf("      small_step %d works\n", number);
  co_return 123 * number;
}
task<int> big_step(int number) { co_return co_await small_step(number) * 1000; }
task<> one_task(int number) { std::printf("  one_task %d got %d\n", number, co_await big_step(number)); }

task<> three_tasks() { co_await weft::stackless::gather(one_task(1), one_task(2), one_task(3)); }

}  // namespace awaiting

namespace fibers {

void one_task(int number) {
  const auto small = [number] {
    std::printf("      small_step %d waits\n", number);
    weft::this_fiber::sleep_for(number * 20ms);
    std::printf("      small_step %d works\n", number);
    return 123 * number;
  };
  const auto big = [&] { return small() * 1000; };
  std::printf("  one_task %d got %d\n", number, big());
}

}  // namespace fibers

}  // namespace

int main() {
  std::puts("1. a call that blocks");
  one_task([](wait how_long) { std::this_thread::sleep_for(how_long); });

  std::puts("2. handed upwards by hand");
  for (wait how_long : by_hand::one_task()) {
    std::puts("  (at the top: others could run now)");
    std::this_thread::sleep_for(how_long);
  }

  std::puts("3. handed upwards by delegation");
  for (wait how_long : delegating::one_task()) {
    std::puts("  (at the top: others could run now)");
    std::this_thread::sleep_for(how_long);
  }

  std::puts("4. co_await and an event loop");
  weft::stackless::event_loop().run_until_complete(awaiting::three_tasks());

  std::puts("5. fibers");
  weft::run(
      [] {
        weft::with_scope([](weft::scope& all) {
          for (int number : {1, 2, 3}) {
            all.spawn([number] { fibers::one_task(number); });
            weft::this_fiber::yield();  // so that they begin in this order
          }
        });
        one_task([](wait how_long) { weft::this_fiber::sleep_for(how_long); });  // those of 1, as they are
      },
      {.workers = 1});
}
