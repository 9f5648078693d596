// SPDX-License-Identifier: BSL-1.0
#include "hooks/sigpipe.hpp"

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>

namespace weft::detail {

void raise_sigpipe() noexcept {
  const int error = errno;
  kill(getpid(), SIGPIPE);
  errno = error;
}

void pass_on_sigpipe() noexcept {
  const int error = errno;
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, SIGPIPE);
  const timespec now{};
  while (sigtimedwait(&only, nullptr, &now) < 0 && errno == EINTR) {
  }
  raise_sigpipe();
  errno = error;
}

}  // namespace weft::detail
