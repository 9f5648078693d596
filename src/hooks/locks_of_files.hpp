// SPDX-License-Identifier: BSL-1.0
// How a fiber waits for a lock on a file: it asks, and asks again, for as long as the number is not closed. What the
// number names then is another file, and its locks are others' business.
#pragma once

#include <cerrno>
#include <optional>

#include "fiber/opaque_call.hpp"
#include "hooks/adoption.hpp"
#include "hooks/patience.hpp"

namespace weft::detail {

// May park. Tries, by a function that returns what a system call on `fd` does that does not wait.
template <class Try> int until_locked(control_block& self, int fd, Try&& attempt) noexcept {
  opaque_call call(self);
  if (const int error = call.check()) return call.returns(error, 0);
  std::optional<borrowed_life> life;
  for (patience waits;;) {
    const int result = attempt();
    if (result == 0) return call.returns(0, 0);
    if (errno != EAGAIN && errno != EACCES && errno != EINTR) return call.returns(errno, 0);
    if (!life) life.emplace(fd);
    if (const int error = waits.once(call)) return call.returns(error, 0);
    if (life->is_over()) return call.returns(EBADF, 0);
  }
}

}  // namespace weft::detail
