// SPDX-License-Identifier: BSL-1.0
#include "base/at_thread_end.hpp"

#include <cxxabi.h>

namespace weft::detail {

void at_thread_end(void (*what)(void*), void* of) noexcept {
  // Any address in this library tells which one has to stay. `__dso_handle` is the usual one, but g++ declares that by
  // itself, and otherwise, in a file with static objects.
  static char here;
  abi::__cxa_thread_atexit(what, of, &here);
}

}  // namespace weft::detail
