// SPDX-License-Identifier: BSL-1.0
// write(2) to a pipe that nobody reads raises SIGPIPE for the calling thread; there is no flag against that as sockets
// have it (RWF_NOSIGNAL comes with Linux 6.18). So the signal is blocked during the call and taken away if it came. On
// weft's own threads it always is blocked.
#pragma once

#include <signal.h>

#include <cerrno>
#include <ctime>
#include <weft/detail/net/socket_handle.hpp>

#include "fiber/control_block.hpp"

namespace weft::detail {

inline void take_broken_pipe_signal() noexcept {
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, SIGPIPE);
  const timespec at_once{};
  while (sigtimedwait(&only, nullptr, &at_once) < 0 && errno == EINTR) {
  }
}

// `self`: null on a plain thread. One that was pending there before, which is somebody else's, stays.
template <class Write> io_result without_broken_pipe_signal(const control_block* self, Write&& write) noexcept {
  if (self) {
    const io_result r = write();
    if (r.error == EPIPE) take_broken_pipe_signal();
    return r;
  }
  sigset_t only, before, pending;
  sigemptyset(&only);
  sigaddset(&only, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &only, &before);
  sigpending(&pending);
  const io_result r = write();
  if (r.error == EPIPE && !sigismember(&pending, SIGPIPE)) take_broken_pipe_signal();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return r;
}

}  // namespace weft::detail
