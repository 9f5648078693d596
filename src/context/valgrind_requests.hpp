// SPDX-License-Identifier: BSL-1.0
// Tells Valgrind where stacks are, so that it takes a switch for a switch and not for a huge frame. A few instructions
// that do nothing where no Valgrind listens; for stacks when they are made, not for flows.
#pragma once

#include <valgrind/valgrind.h>

#include <cstddef>

namespace weft::detail {

[[nodiscard]] inline bool valgrind_listens() noexcept { return RUNNING_ON_VALGRIND != 0; }

// Returns the number by which Valgrind knows the stack [low, top). Any thread.
inline unsigned register_stack(const std::byte* low, const std::byte* top) noexcept {
  return static_cast<unsigned>(VALGRIND_STACK_REGISTER(low, top));
}

inline void unregister_stack(unsigned number) noexcept { VALGRIND_STACK_DEREGISTER(number); }

}  // namespace weft::detail
