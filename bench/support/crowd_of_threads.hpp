// SPDX-License-Identifier: BSL-1.0
// What many threads do at once.
#pragma once

#include "costs.hpp"

#include <barrier>
#include <thread>
#include <vector>

namespace bench {

// The cost of `each(0)` to `each(count - 1)`, every one on a thread of its own; not that of making the threads.
template <class Each> cost of_threads(int count, const Each& each) {
  std::barrier together(count + 1);
  std::vector<std::jthread> crowd;
  for (int i = 0; i < count; ++i) {
    crowd.emplace_back([&, i] {
      together.arrive_and_wait();
      each(i);
      together.arrive_and_wait();
    });
  }
  const meter all;
  together.arrive_and_wait();
  together.arrive_and_wait();
  return all.so_far();
}

}  // namespace bench
