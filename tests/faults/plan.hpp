// SPDX-License-Identifier: BSL-1.0
// Which calls are to fail, and how: set by the program before it begins, asked by the functions that stand between.
#pragma once

#include <cstddef>

namespace weft::faults {

enum class how : int {
  once,      // that call alone
  from_now,  // and all that follow
  storm,     // of ten calls from that one on, nine
  part       // no error: from that call on each does a hundredth of what it was asked, one byte at least
};

inline constexpr std::size_t most_rows = 128;

struct plan {
  std::size_t row = ~std::size_t{0};
  std::size_t call = 1;
  int error = 0;
  how manner = how::once;
};

// Before other threads run that call what stands between. Counting begins anew.
void arm(const plan& what) noexcept;
void disarm() noexcept;
// Any thread. Calls that were made since `arm`, and how many of the planned row were struck.
[[nodiscard]] std::size_t calls_of(std::size_t row) noexcept;
[[nodiscard]] std::size_t strikes() noexcept;

// For functions that stand between. Any thread; counts the call.
// Whether it fails; errno says why then.
[[nodiscard]] bool fails(std::size_t row) noexcept;
// The same for functions that can do a part: as much as they may do now.
[[nodiscard]] bool fails(std::size_t row, std::size_t& size) noexcept;
[[nodiscard]] int planned_error() noexcept;

// As long as it lives, what this thread calls does not fail and is not counted.
class spared {
 public:
  spared() noexcept;
  spared(const spared&) = delete;
  spared& operator=(const spared&) = delete;
  ~spared();
};

}  // namespace weft::faults
