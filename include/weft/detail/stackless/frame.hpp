// SPDX-License-Identifier: BSL-1.0
// The memory of coroutine frames.
#pragma once

#include <cstddef>

namespace weft::detail {

// Any thread, on any thread's behalf. Throws bad_alloc.
[[nodiscard]] void* take_frame(std::size_t size);
// Any thread. `size` as it was taken.
void give_frame(void* frame, std::size_t size) noexcept;

// A promise whose coroutine has its frame there.
struct promise_in_frame {
  [[nodiscard]] static void* operator new(std::size_t size) { return take_frame(size); }
  static void operator delete(void* frame, std::size_t size) noexcept { give_frame(frame, size); }
};

}  // namespace weft::detail
