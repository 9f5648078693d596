// SPDX-License-Identifier: BSL-1.0
// weft's threads take no signals but the synchronous ones and SIGPROF, so that handlers run on the program's own
// threads and never on a fiber's stack.
#pragma once

#include <csignal>

namespace weft::detail {

// Blocks them for the calling thread as long as it lives; threads started meanwhile inherit it.
class signals_blocked {
 public:
  signals_blocked() noexcept {
    sigset_t block;
    sigfillset(&block);
    for (const int synchronous : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGPROF})
      sigdelset(&block, synchronous);
    pthread_sigmask(SIG_BLOCK, &block, &before_);
  }
  signals_blocked(const signals_blocked&) = delete;
  signals_blocked& operator=(const signals_blocked&) = delete;
  ~signals_blocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

}  // namespace weft::detail
