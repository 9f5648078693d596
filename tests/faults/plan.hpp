// SPDX-License-Identifier: BSL-1.0
// Which calls are to fail, and how: set by the program before it begins, asked by the functions that stand between.
#pragma once

#include <cstddef>

namespace weft::faults {

enum class how : int {
  once,      // that call alone
  from_now,  // and all that follow
  storm,     // of ten calls from that one on, nine
  part       // no error: from that call on each does as little as it can
};

struct plan {
  std::size_t row = ~std::size_t{0};
  std::size_t call = 1;
  int error = 0;
  how manner = how::once;
};

// Before other threads run. Counting begins anew.
void arm(const plan& what) noexcept;
void disarm() noexcept;
// Any thread. Calls that were made since `arm`, and how many of the planned row were struck.
[[nodiscard]] std::size_t calls_of(std::size_t row) noexcept;
[[nodiscard]] std::size_t strikes() noexcept;

}  // namespace weft::faults
