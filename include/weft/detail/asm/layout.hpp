// SPDX-License-Identifier: BSL-1.0
// The words that a suspended flow of control leaves behind, the same four on every machine; what the switch in this folder
// stores and loads, by the offsets pinned here.
//
//   word    x86-64  aarch64  riscv64   while suspended                        fresh (never run)
//   stack   rsp     sp       sp        the switching function's stack         top of the empty stack
//   resume  rip     pc       pc        the label behind its jump              `weft_context_start`
//   frame   rbp     x29      s0        its frame pointer                      the entry function
//   base    rbx     x19      s1        LLVM's base pointer                    the entry's argument
//
// Every other register is declared lost at the switch, so the compiler has put those that matter onto the stack.
// frame and base cannot be declared lost: compilers reserve them in functions with frame pointers, or with both
// over-aligned and variable-sized locals (which AddressSanitizer makes of ordinary ones).
#pragma once

#include <cstddef>

namespace weft::detail {

struct registers {
  void* stack;
  void* resume;
  void* frame;
  void* base;
};

inline constexpr int stack_offset = 0;
inline constexpr int resume_offset = 8;
inline constexpr int frame_offset = 16;
inline constexpr int base_offset = 24;

static_assert(offsetof(registers, stack) == stack_offset);
static_assert(offsetof(registers, resume) == resume_offset);
static_assert(offsetof(registers, frame) == frame_offset);
static_assert(offsetof(registers, base) == base_offset);
static_assert(sizeof(registers) == 32, "aarch64 moves the words in pairs; two contexts share a cache line");

}  // namespace weft::detail
