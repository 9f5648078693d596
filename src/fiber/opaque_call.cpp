// SPDX-License-Identifier: BSL-1.0
#include "fiber/opaque_call.hpp"

#include <cerrno>
#include <weft/base/error.hpp>

#include "fiber/waiting.hpp"

namespace weft::detail {
namespace {

// An errno, 0 for success.
template <class Attempt> int error_of(Attempt&& attempt) noexcept {
  try {
    return attempt();
  } catch (const cancelled&) {
    return ECANCELED;
  }
}

}  // namespace

opaque_call::opaque_call(control_block& self) noexcept : self_(self), errno_(errno), movable_(self.kind.movable) {
  if (!movable_) return;
  self.kind.movable = false;
  self.home = &self.desk->at;
}

opaque_call::~opaque_call() {
  if (!movable_) return;
  self_.kind.movable = true;
  self_.home = nullptr;
}

void opaque_call::set_errno(int error) const noexcept { errno = error ? error : errno_; }

int opaque_call::sleep_until(deadline until) noexcept {
  return error_of([&] {
    waiting me(&self_, waiting::may_cancel::yes, "its sleep to end");
    me.heed(me.park(until));
    return 0;
  });
}

}  // namespace weft::detail
