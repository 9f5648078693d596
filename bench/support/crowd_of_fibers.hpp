// SPDX-License-Identifier: BSL-1.0
// What many fibers do at once.
#pragma once

#include "costs.hpp"

#include <weft/weft.hpp>

namespace bench {

// On a fiber: the cost of `each(0)` to `each(count - 1)`, every one on a fiber of its own.
template <class Each> cost of_fibers(int count, const Each& each) {
  const meter all;
  weft::with_scope([&](weft::scope& crowd) {
    for (int i = 0; i < count; ++i) crowd.spawn([&each, i] { each(i); });
  });
  return all.so_far();
}

}  // namespace bench
