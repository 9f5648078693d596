// SPDX-License-Identifier: BSL-1.0
// Waiting for what tells nobody: a little at first, then longer and longer, so that the answer is at most as late again as
// it took, and never more than 50 ms.
#pragma once

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <weft/base/deadline.hpp>

#include "fiber/opaque_call.hpp"

namespace weft::detail {

// Whether a wait failed because no poller has room for another file (max_user_watches), or cannot hear it (an epoll instance
// of epoll instances, of which the kernel lets so many watch one another): then there is still this way.
[[nodiscard]] inline bool is_shortage(int error) noexcept {
  return error == ENOMEM || error == ENOSPC || error == ELOOP;
}

class patience {
 public:
  // May park. A cancellation point. 0: ask again. EAGAIN: `until` has passed.
  [[nodiscard]] int once(opaque_call& call, deadline until = never) noexcept {
    if (const int error = call.sleep_until(std::min(until, soon()))) return error;
    return until.passed() ? EAGAIN : 0;
  }
  // When to ask again.
  [[nodiscard]] deadline soon() noexcept {
    const deadline at(length_);
    length_ = std::min(length_ * 2, longest);
    return at;
  }

 private:
  static constexpr std::chrono::microseconds longest{50'000};
  std::chrono::microseconds length_{500};
};

}  // namespace weft::detail
