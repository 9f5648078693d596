// SPDX-License-Identifier: BSL-1.0
#include <weft/hooks/enabled.hpp>

#include <dlfcn.h>
#include <threads.h>

#include "fiber/fibers.hpp"

namespace weft::hooks {

bool enabled() noexcept {
  // Asked of a function whose address programs do not take: a program that is not position-independent would have an
  // address of its own for it.
  static const bool in_effect = dlsym(RTLD_DEFAULT, "thrd_sleep") == reinterpret_cast<void*>(&::thrd_sleep);
  const detail::control_block* const self = detail::current_fiber();
  return in_effect && !(self && self->hooks_disabled);
}

scoped_disable::scoped_disable() noexcept : fiber_(detail::current_fiber()) {
  if (fiber_) ++static_cast<detail::control_block*>(fiber_)->hooks_disabled;
}

scoped_disable::~scoped_disable() {
  if (fiber_) --static_cast<detail::control_block*>(fiber_)->hooks_disabled;
}

}  // namespace weft::hooks
