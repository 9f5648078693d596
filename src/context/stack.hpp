// SPDX-License-Identifier: BSL-1.0
// A stack: the header that lies at the top of its own memory, and what it says about the memory below it.
//
//   guard          usable: at least the bytes of its class                    header   colour
//   |--------------|----------------------------------------------------------|-------|------|
//   low-guard      low                                        frames start: top              next stack's guard
//
// Invariants:
//  - The header is the first line above the frames, so a fiber that parks at once has touched one page, header included.
//  - The colour moves top down by index mod 16 cache lines: without it all tops share the same cache sets.
//  - Only the memory's present owner (pool, cache, or who took it) reads or writes the header.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weft::detail {

class slab;

struct alignas(64) stack {
  stack* next;          // the next one in the list of its owner
  std::byte* low;       // the lowest usable byte; the guard ends here
  slab* home;           // where its memory came from
  std::uint32_t guard;  // bytes of guard below low; 0 when the kernel gave none and the user allowed that
  std::uint32_t size_class;
  unsigned known_as;  // Valgrind's number of it

  // Where frames start. Aligned to 64 bytes.
  [[nodiscard]] std::byte* top() noexcept { return reinterpret_cast<std::byte*>(this); }
  [[nodiscard]] const std::byte* top() const noexcept { return reinterpret_cast<const std::byte*>(this); }
  // Usable bytes.
  [[nodiscard]] std::size_t size() const noexcept { return static_cast<std::size_t>(top() - low); }
  [[nodiscard]] bool contains(const void* address) const noexcept {
    const auto* p = static_cast<const std::byte*>(address);
    return p >= low && p < top();
  }
  // True when an access to address is an overflow of this stack. Async-signal-safe.
  [[nodiscard]] bool guards(const void* address) const noexcept {
    const auto* p = static_cast<const std::byte*>(address);
    return p < low && p >= low - guard;
  }
};

static_assert(sizeof(stack) == 64, "the header is one cache line");

}  // namespace weft::detail
