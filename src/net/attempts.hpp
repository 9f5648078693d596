// SPDX-License-Identifier: BSL-1.0
// What every operation on a socket or a pipe does: tries that never block, and waits between them.
#pragma once

#include <cerrno>
#include <weft/base/error.hpp>

#include "net/socket.hpp"
#include "net/wait.hpp"

namespace weft::detail {

[[nodiscard]] inline bool would_block(int error) noexcept { return error == EAGAIN || error == EWOULDBLOCK; }

// Tries until `attempt` does not say EAGAIN; waits in between. `seen`: of an attempt that need not be made, or 0.
// The last try comes after the deadline: a worker fires its timers before it looks at its poller, so what came in time may
// not have been heard of.
template <class Attempt>
io_result until_done(control_block* self, const held_socket& s, io_side side, deadline until, descriptor::attempt seen,
                     Attempt&& attempt) {
  bool is_over = false;
  for (bool try_now = !seen;; try_now = true) {
    if (try_now) {
      seen = s.about_to_try(side);
      if (!seen) [[unlikely]]
        return {0, ECANCELED};
      const io_result r = attempt(seen);
      if (!would_block(r.error)) [[likely]]
        return r;
      if (is_over) return {0, deadline_passed};
    }
    const int error = socket_wait::until_ready(self, s.socket(), side, seen, until);
    is_over = error == deadline_passed;
    if (error && !is_over) [[unlikely]]
      return {0, error};
  }
}

// Until a try would not block. The caller holds the side. Asks again after a wait: an edge may be older than that, or none
// but the end of the poller that listened.
inline io_result wait_until_ready(const socket_handle& socket, io_side side, deadline until) {
  control_block* const self = running_fiber();
  socket_wait::checkpoint(self, socket);
  const held_socket s(socket);
  return until_done(self, s, side, until, side == io_side::read ? socket_wait::drained(socket) : 0, [&](auto) {
    return io_result{0, is_ready(s.fd(), side) ? 0 : EAGAIN};
  });
}

// Steps until `total` bytes are moved. `step(done)` goes on after the first `done`.
template <class Step> io_result until_all(std::size_t total, Step&& step) {
  std::size_t done = 0;
  try {
    do {
      const io_result r = step(done);
      if (r.error) [[unlikely]]
        return {done, r.error};
      done += r.bytes;
    } while (done < total);
  } catch (const cancelled&) {
    note_transferred(done);
    throw;
  }
  return {done, 0};
}

}  // namespace weft::detail
