// SPDX-License-Identifier: BSL-1.0
// How plain threads wait for a socket: poll(2), with a bell that a close rings.
#pragma once

#include <poll.h>

#include <span>
#include <weft/base/deadline.hpp>
#include <weft/detail/net/use_word.hpp>

namespace weft::detail {

// Blocks the thread until `fd` can be tried. 0, deadline_passed, an errno, or ECANCELED if `use` was closed meanwhile.
// `use` may be null: then nothing but readiness, an error or the deadline ends the wait.
[[nodiscard]] int poll_on_thread(int fd, io_side side, deadline until, const use_word* use);

// The same for any of several files of the caller's own, which nobody else closes.
[[nodiscard]] int poll_any_on_thread(std::span<pollfd> files, deadline until) noexcept;

// Any thread. Ends the waits of all threads for the socket with this word.
void ring_threads(const use_word& use) noexcept;

}  // namespace weft::detail
