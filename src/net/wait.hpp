// SPDX-License-Identifier: BSL-1.0
// How a socket's operations wait: all that net knows of fibers, plain threads and the poller.
//
// An operation finds out once, at its beginning, who performs it: a fiber, or null for a plain thread. A try goes:
// `seen = socket_wait::about_to_try(s, side)`, the system call, and on EAGAIN `until_ready` with that `seen`; then the
// next try. On a fiber that parks on the descriptor; elsewhere it blocks in poll(2).
#pragma once

#include <weft/base/deadline.hpp>
#include <weft/detail/net/socket_handle.hpp>
#include <weft/detail/net/transfer_note.hpp>

#include "fiber/fibers.hpp"
#include "fiber/waiting.hpp"
#include "poll/descriptor.hpp"

namespace weft::detail {

// What an operation needs of its socket between two tries, in its own frame: after a wait the line of the socket itself
// is cold, and is only fetched behind the system call (measured: a third of what weft spends on a message at 1,000
// connections). The operation holds the socket all the while.
class held_socket {
 public:
  explicit held_socket(const socket_handle& s) noexcept;

  [[nodiscard]] const socket_handle& socket() const noexcept { return *socket_; }
  [[nodiscard]] descriptor& state() const noexcept { return *state_; }
  [[nodiscard]] int fd() const noexcept { return fd_; }
  // [fd-1] Zero: it was closed.
  [[nodiscard]] descriptor::attempt about_to_try(io_side side) const noexcept {
    const auto seen = state_->about_to_try(direction(side));
    __builtin_prefetch(socket_, 1);
    return descriptor::generation_of(seen) == life_ && !was_closed_ ? seen : 0;
  }

 private:
  const socket_handle* socket_;
  descriptor* state_;
  int fd_;
  bool was_closed_;
  std::uint32_t life_;  // a close ends it
};

static_assert(unsigned(io_side::read) == unsigned(direction::read) &&
              unsigned(io_side::write) == unsigned(direction::write));

// Sleeps the fiber or the thread. A cancellation point.
void pause_until(control_block* self, deadline until);

struct socket_wait {
  static int fd(const socket_handle& s) noexcept { return s.fd_; }
  static descriptor& state_of(const socket_handle& s) noexcept { return *s.state_; }

  // A cancellation point before an operation: throws `cancelled` if the fiber is. May park: a fiber that never has to
  // wait for this socket yields at times.
  static void checkpoint(control_block* self, const socket_handle& s) {
    if (!self) return;
    if (self->word.pending()) [[unlikely]]
      check_cancellation();
    if (count_one(s)) [[unlikely]]
      yield_to_others(*self);
  }

  static descriptor::attempt about_to_try(const socket_handle& s, io_side side) noexcept {
    return s.state_->about_to_try(direction(side));
  }

  // The attempt of the last read if there is surely nothing to read: then wait without trying. Else 0.
  static descriptor::attempt drained(const socket_handle& s) noexcept {
    return s.use_.is_exposed() ? 0 : s.state_->drained_since();
  }

  // May park. 0: try again. Else deadline_passed, ECANCELED (closed meanwhile) or an errno. Throws `cancelled`.
  [[nodiscard]] static int until_ready(control_block* self, const socket_handle& s, io_side side,
                                       descriptor::attempt seen, deadline until);

  // [use-2] Wakes everybody who waits in `until_ready`.
  static void wake_all(const socket_handle& s) noexcept;

  // Counts operations that did not wait; true when there were many in a row. Relaxed: a reader and a writer may
  // miscount each other.
  static bool count_one(const socket_handle& s) noexcept {
    const auto count = static_cast<std::uint8_t>(s.streak_.load(std::memory_order_relaxed) + 1);
    s.streak_.store(count < longest_streak ? count : std::uint8_t{0}, std::memory_order_relaxed);
    return count >= longest_streak;
  }
  static void has_waited(const socket_handle& s) noexcept { s.streak_.store(0, std::memory_order_relaxed); }

 private:
  static void yield_to_others(control_block& self);

  static constexpr std::uint8_t longest_streak = 16;  // system calls, so about as long as a worker's fair turn
};

// In this order: a close that the bit does not show yet has not begun to end the life either.
inline held_socket::held_socket(const socket_handle& s) noexcept
    : socket_(&s),
      state_(&socket_wait::state_of(s)),
      fd_(socket_wait::fd(s)),
      was_closed_(false),
      life_(state_->generation()) {
  was_closed_ = !s.is_open();
}

}  // namespace weft::detail
