// SPDX-License-Identifier: BSL-1.0
// Two fibers, each kept on a worker of its own, count in one plain int: by turns that order nothing, so that the detector
// needs no luck; or one after the other, which shows that joining a fiber orders what it did.
#include <atomic>
#include <weft/weft.hpp>

#include "planted/planted.hpp"

int planted::race(bool bug) {
  return weft::run(
      [bug] {
        constexpr int rounds = 100;
        int counter = 0;
        std::atomic<int> turn = 0;
        const auto count = [&](int me) {
          for (int round = 0; round < rounds; ++round) {
            while (bug && turn.load(std::memory_order_relaxed) % 2 != me) weft::this_fiber::yield();
            *planted::hidden(&counter) += 1;
            turn.fetch_add(1, std::memory_order_relaxed);  // the race must stay one
          }
        };
        auto first = weft::spawn({.worker = 0}, [&] { count(0); });
        if (!bug) first.join();
        auto second = weft::spawn({.worker = 1}, [&] { count(1); });
        if (bug) first.join();
        second.join();
        return counter == 2 * rounds ? 0 : 1;
      },
      {.workers = 2});
}
