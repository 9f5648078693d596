// SPDX-License-Identifier: BSL-1.0
// Two fibers, each kept on a worker of its own, count in one plain int: at the same time, or one after the other, which
// shows that joining a fiber orders what it did.
#include <atomic>
#include <weft/weft.hpp>

#include "planted/twin.hpp"

int main(int argc, char** argv) {
  const bool bug = planted::has_bug(argc, argv);
  return weft::run(
      [bug] {
        constexpr int rounds = 1'000;
        int counter = 0;
        std::atomic<int> started = 0;
        const auto count = [&](bool alone) {
          started.fetch_add(1, std::memory_order_relaxed);  // orders nothing: the race must stay one
          while (!alone && started.load(std::memory_order_relaxed) < 2) weft::this_fiber::yield();
          for (int round = 0; round < rounds; ++round) *planted::hidden(&counter) += 1;
        };
        auto first = weft::spawn({.worker = 0}, [&] { count(!bug); });
        if (!bug) first.join();
        auto second = weft::spawn({.worker = 1}, [&] { count(!bug); });
        if (bug) first.join();
        second.join();
        return counter == 2 * rounds ? 0 : 1;
      },
      {.workers = 2});
}
