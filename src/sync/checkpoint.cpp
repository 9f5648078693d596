// SPDX-License-Identifier: BSL-1.0
#include <weft/detail/sync/checkpoint.hpp>

#include "fiber/fibers.hpp"
#include "fiber/switching.hpp"
#include "fiber/waiting.hpp"

namespace weft::detail {

namespace {

[[gnu::noinline]] void checkpoint_slowly(control_block& self) {
  if (self.word.pending())
    check_cancellation();
  else
    yield(*self.desk, self);
}

}  // namespace

// The usual case calls nothing that comes back, and so saves no registers.
void checkpoint() {
  fiber_desk* const desk = desk_on_entry();
  control_block* const self = desk ? desk->running() : nullptr;
  if (!self) return;
  if (self->word.pending() || desk->counts_out()) [[unlikely]]
    checkpoint_slowly(*self);
}

}  // namespace weft::detail
