// SPDX-License-Identifier: BSL-1.0
// How tests overflow a stack.
#pragma once

#include <csignal>

namespace weft::test {

inline volatile int bottomless = 1;

[[gnu::noinline]] inline int recurse(int depth) {  // NOLINT(misc-no-recursion): that is the point
  volatile char frame[200];
  frame[depth % 200] = 1;
  return bottomless != 0 ? recurse(depth + 1) + frame[0] : 0;
}

[[gnu::noinline]] inline int big_frame(int depth) {  // NOLINT(misc-no-recursion)
  volatile char frame[12 << 10];
  frame[0] = 1;
  return bottomless != 0 ? big_frame(depth + 1) + frame[0] : 0;
}

// Not the sanitizer's: it would report before weft's own has spoken.
inline void forget_handlers() {
  std::signal(SIGSEGV, SIG_DFL);
  std::signal(SIGBUS, SIG_DFL);
}

}  // namespace weft::test
