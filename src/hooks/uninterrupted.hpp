// SPDX-License-Identifier: BSL-1.0
// System calls that are made again when a signal has cut them short, as with SA_RESTART.
#pragma once

#include <cerrno>

namespace weft::detail {

// By a function that returns what a system call does.
template <class Call> auto uninterrupted(Call&& call) noexcept {
  for (;;) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

}  // namespace weft::detail
