// SPDX-License-Identifier: BSL-1.0
#include <weft/detail/sync/checkpoint.hpp>

#include "fiber/fibers.hpp"
#include "fiber/switching.hpp"
#include "fiber/waiting.hpp"

namespace weft::detail {

void checkpoint() {
  fiber_desk* const desk = desk_on_entry();
  control_block* const self = desk ? desk->running() : nullptr;
  if (!self) return;
  if (self->word.pending()) [[unlikely]]
    check_cancellation();
  else if (desk->counts_out()) [[unlikely]]
    yield(*desk, *self);
}

}  // namespace weft::detail
