// SPDX-License-Identifier: BSL-1.0
#include "hooks/sigpipe.hpp"

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>

namespace weft::detail {

void pass_on_sigpipe() noexcept {
  const int error = errno;
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, SIGPIPE);
  const timespec now{};
  int taken = -1;
  while ((taken = sigtimedwait(&only, nullptr, &now)) < 0 && errno == EINTR) {
  }
  if (taken == SIGPIPE) kill(getpid(), SIGPIPE);
  errno = error;
}

}  // namespace weft::detail
