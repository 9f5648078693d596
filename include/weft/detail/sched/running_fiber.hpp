// SPDX-License-Identifier: BSL-1.0
// Which fiber runs here, for what is inlined into programs and must not cost a call.
//
// weft's one thread-local (src/sched/this_thread.hpp) begins with the address of the worker's slot. A compiler that sees
// a thread-local keeps its address over calls, while the fiber may have moved to another thread meanwhile; so the address
// is taken in assembly, anew each time, as the initial-exec model does it: two loads. Elsewhere it is a call.
#pragma once

#include <atomic>
#include <cstdint>

namespace weft::detail {

struct control_block;  // floor 5; here only a name
using running_slot = std::atomic<control_block*>;
[[nodiscard]] const running_slot* slot_by_call() noexcept;

#if defined(__x86_64__) && defined(__LP64__)

[[nodiscard, gnu::always_inline]] inline const running_slot* slot_of_this_thread() noexcept {
  const running_slot* slot;
  asm volatile(
      "movq _ZN4weft6detail11this_threadE@gottpoff(%%rip), %0\n\t"
      "movq %%fs:(%0), %0"
      : "=r"(slot)
      :
      : "memory");
  return slot;
}

#elif defined(__aarch64__)

[[nodiscard, gnu::always_inline]] inline const running_slot* slot_of_this_thread() noexcept {
  const running_slot* slot;
  std::uintptr_t offset;
  asm volatile(
      "mrs %0, tpidr_el0\n\t"
      "adrp %1, :gottprel:_ZN4weft6detail11this_threadE\n\t"
      "ldr %1, [%1, :gottprel_lo12:_ZN4weft6detail11this_threadE]\n\t"
      "ldr %0, [%0, %1]"
      : "=&r"(slot), "=&r"(offset)
      :
      : "memory");
  return slot;
}

#elif defined(__riscv) && __riscv_xlen == 64

[[nodiscard, gnu::always_inline]] inline const running_slot* slot_of_this_thread() noexcept {
  const running_slot* slot;
  asm volatile(
      "la.tls.ie %0, _ZN4weft6detail11this_threadE\n\t"
      "add %0, %0, tp\n\t"
      "ld %0, 0(%0)"
      : "=r"(slot)
      :
      : "memory");
  return slot;
}

#else

[[nodiscard]] inline const running_slot* slot_of_this_thread() noexcept { return slot_by_call(); }

#endif

// The address of the fiber's control block, a multiple of 64 that no other who lives has; zero off a fiber.
[[nodiscard, gnu::always_inline]] inline std::uintptr_t running_fiber_id() noexcept {
  const running_slot* const slot = slot_of_this_thread();
  // relaxed: written by this very thread.
  return slot ? reinterpret_cast<std::uintptr_t>(slot->load(std::memory_order_relaxed)) : 0;
}

}  // namespace weft::detail
