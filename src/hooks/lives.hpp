// SPDX-License-Identifier: BSL-1.0
// When the life of a descriptor's number begins and ends: told by all calls that make and close them, on any thread.
//
// What is told is told to the descriptor in the poller (`poll/descriptor.hpp`), and only where something is known of the
// number. Libc closes some behind our back, as in fclose(3); that is found out when somebody waits.
#pragma once

#include "hooks/process.hpp"
#include "poll/descriptor.hpp"

namespace weft::detail {

// Out of line: something is known of the number.
void end_known_life(descriptor& d) noexcept;

// Before the number is closed: whoever waits for it is woken.
inline void end_life(int fd) noexcept {
  if (descriptor* const d = descriptor::find(fd); d && d->is_kept()) [[unlikely]]
    end_known_life(*d);
}
// The same for all numbers from `first` to `last`.
void end_lives(unsigned first, unsigned last) noexcept;

// The number is new; what was known of it was known of a file that was closed behind our back. Returns it; keeps errno.
inline int begin_life(int fd) noexcept {
  end_life(fd);
  return fd;
}

}  // namespace weft::detail
