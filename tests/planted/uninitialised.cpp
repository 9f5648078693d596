// SPDX-License-Identifier: BSL-1.0
// For Valgrind: a fiber decides by a local that was never written. The healthy twin does what a tool that takes a switch
// of stacks for a huge frame would misunderstand: locals that live across switches, on stacks that lie side by side, and
// deep calls on stacks that were used before.
#include <array>
#include <stdexcept>
#include <vector>
#include <weft/weft.hpp>

#include "planted/planted.hpp"

namespace {

[[gnu::noinline]] int sum_deeply(int depth) {  // NOLINT(misc-no-recursion): for its frames
  std::array<int, 64> frame;
  frame.fill(depth);
  weft::this_fiber::yield();
  const int below = depth == 0 ? 0 : sum_deeply(depth - 1);
  return planted::hidden(frame.data())[63] + below;
}

int throw_across_switches(int value) {
  try {
    weft::this_fiber::yield();
    throw std::runtime_error("caught on the fiber");
  } catch (const std::runtime_error&) {
    weft::this_fiber::yield();
    return value;
  }
}

}  // namespace

int planted::uninitialised(bool bug) {
  return weft::run(
      [bug] {
        int wrong = 0;
        for (int round = 0; round < 3; ++round) {
          std::vector<weft::fiber<int>> all;
          for (int i = 0; i < 20; ++i) {
            all.push_back(weft::spawn([i, bug] {
              int local;
              if (!bug || i != 7) *planted::hidden(&local) = 1;
              weft::this_fiber::yield();
              if (*planted::hidden(&local) == 1) weft::this_fiber::yield();
              return sum_deeply(10) + throw_across_switches(i);
            }));
          }
          for (int i = 0; i < 20; ++i) wrong += all[std::size_t(i)].join() != 55 + i;
        }
        return wrong == 0 ? 0 : 1;
      },
      {.workers = 2});
}
