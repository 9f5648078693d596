// SPDX-License-Identifier: BSL-1.0
#include <weft/detail/fiber/cancel_frame.hpp>

#include <new>
#include <weft/base/error.hpp>

#include "fiber/fibers.hpp"

namespace weft::detail {
namespace {

cancel_scope& scope_in(std::byte* room) noexcept { return *std::launder(reinterpret_cast<cancel_scope*>(room)); }

}  // namespace

cancel_frame::cancel_frame(kind what, deadline until) {
  static_assert(sizeof(cancel_scope) <= sizeof room_ && alignof(cancel_scope) <= 16);
  control_block* const self = current_fiber();
  if (!self)
    throw_error(std::errc::operation_not_permitted,
                what == kind::shield ? "weft: shield() off a fiber" : "weft: with_deadline() off a fiber");
  enter(*self, *::new (static_cast<void*>(room_)) cancel_scope, until.to_nanoseconds(), what == kind::shield);
}

cancel_frame::~cancel_frame() {
  cancel_scope& scope = scope_in(room_);
  leave(*scope.owner, scope);
  scope.~cancel_scope();
}

bool cancel_frame::cut_short() const noexcept {
  const cancel_scope& scope = scope_in(const_cast<std::byte*>(room_));
  return is_cut_short(scope) && scope.expired;  // in this order: the request publishes why, maybe from another worker
}

void cancel_frame::throw_timed_out() const { throw timed_out("weft: the deadline of with_deadline() passed"); }

}  // namespace weft::detail
