// SPDX-License-Identifier: BSL-1.0
// Who makes a hooked call. Off a fiber a hook is one test of weft's thread-local and a jump to the next definition.
#pragma once

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

}  // namespace weft::detail
