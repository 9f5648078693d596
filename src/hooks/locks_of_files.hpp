// SPDX-License-Identifier: BSL-1.0
// How a fiber waits for a lock on a file: it asks, and asks again.
#pragma once

#include <cerrno>

#include "fiber/opaque_call.hpp"
#include "hooks/patience.hpp"

namespace weft::detail {

// May park. Tries, by a function that returns what a system call does that does not wait.
template <class Try> int until_locked(control_block& self, Try&& attempt) noexcept {
  opaque_call call(self);
  if (const int error = call.check()) return call.returns(error, 0);
  for (patience waits;;) {
    const int result = attempt();
    if (result == 0) return call.returns(0, 0);
    if (errno != EAGAIN && errno != EACCES && errno != EINTR) return call.returns(errno, 0);
    if (const int error = waits.once(call)) return call.returns(error, 0);
  }
}

}  // namespace weft::detail
