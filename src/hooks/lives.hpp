// SPDX-License-Identifier: BSL-1.0
// When the life of a descriptor's number begins and ends: told by all calls that make and close them, on any thread.
//
// What is told is told to the descriptor in the poller (`poll/descriptor.hpp`), and only where something is known of the
// number. Libc closes some behind our back, as in fclose(3); that is found out when somebody waits.
#pragma once

#include <weft/detail/run/waiter.hpp>

#include "poll/descriptor.hpp"

namespace weft::detail {

// Around the call that closes numbers: ends their lives before it, and wakes those who wait for them behind it. Who waits
// in poll(2) looks again, and must not find the number still open: nobody would wake it then. For the same reason the
// lives that began in between are ended as well.
class ended_lives {
 public:
  explicit ended_lives(int fd) noexcept {
    if (descriptor* const d = descriptor::find(fd); d && d->is_relied_on()) [[unlikely]]
      end(unsigned(fd), unsigned(fd));
  }
  // All numbers from `first` to `last`.
  ended_lives(unsigned first, unsigned last) noexcept { end(first, last); }
  ended_lives(const ended_lives&) = delete;
  ended_lives& operator=(const ended_lives&) = delete;
  ~ended_lives() {
    if (first_ <= last_) [[unlikely]]
      wake();
  }

 private:
  // Both keep errno.
  void end(unsigned first, unsigned last) noexcept;
  void wake() noexcept;

  unsigned first_ = 1, last_ = 0;  // none
  wake_list woken_;
};

// The number is new; what was known of it was known of a file that was closed behind our back. Returns it; keeps errno.
inline int begin_life(int fd) noexcept {
  const ended_lives earlier(fd);
  return fd;
}

}  // namespace weft::detail
