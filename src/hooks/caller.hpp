// SPDX-License-Identifier: BSL-1.0
// Who makes a hooked call. Off a fiber a hook is one test of weft's thread-local and a jump to the next definition.
#pragma once

#include <csignal>

#include "base/own_process.hpp"
#include "fiber/fibers.hpp"
#include "fiber/opaque_call.hpp"

namespace weft::detail {

// The fiber whose call may park; null where libc's own behaviour is wanted. On entry only.
[[nodiscard]] inline control_block* hooked_fiber() noexcept {
  fiber_desk* const desk = desk_on_entry();
  if (!desk) [[likely]]
    return nullptr;
  control_block* const self = desk->running();
  return self && self->hooks_disabled == 0 ? self : nullptr;
}

// The signal mask of a call that libc makes, or refuses, at once. A worker takes no signals, not even for a moment: what is
// pending would run its handler on the fiber's stack.
[[nodiscard]] inline const sigset_t* mask_of_call(const control_block* self, const sigset_t* mask) noexcept {
  return self && is_own_process() ? nullptr : mask;
}

}  // namespace weft::detail
