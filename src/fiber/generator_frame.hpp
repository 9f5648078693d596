// SPDX-License-Identifier: BSL-1.0
// What a generator that has begun keeps at the top of its stack: the two flows of its exchange.
//
//   low                                    frames of the body start: the frame            top of the stack
//   |------------------------------------------------------------|--------------------|
//
// A fiber that parks in a body leaves by its own control block, which then holds where it stands on the generator's
// stack; nothing here changes, and nobody else can pull meanwhile.
#pragma once

#include <weft/detail/fiber/stackful_generator.hpp>

#include "context/context.hpp"
#include "context/exception_state.hpp"
#include "context/stack.hpp"

namespace weft::detail {

struct alignas(64) generator_frame {
  // On this stack, whose frames grow down from here.
  [[nodiscard]] bool holds(const void* address) const noexcept {
    return reinterpret_cast<std::uintptr_t>(this) - reinterpret_cast<std::uintptr_t>(address) <= room;
  }
  [[nodiscard]] static generator_frame* of(stack& ground) noexcept {
    return reinterpret_cast<generator_frame*>(ground.top()) - 1;
  }

  context self;    // the body, while it stands in a yield
  context puller;  // while the body runs
  std::uintptr_t room = 0;
  exception_state exceptions;          // the body's, while it stands in a yield
  exception_state pullers_exceptions;  // while the body runs
  stackful_generator* core = nullptr;  // null: ended
  stack* ground = nullptr;
};

// The generator on whose stack the caller stands, if it stands on one. Costs a lock.
[[nodiscard]] stackful_generator* body_here() noexcept;
// A body has opened or left a cancel scope: that makes its yields, not every yield, ask.
void count_scope(stackful_generator& core, int change) noexcept;

}  // namespace weft::detail
