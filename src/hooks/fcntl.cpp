// SPDX-License-Identifier: BSL-1.0
// fcntl(2): a duplicate is a new number, and a lock may have to be waited for. Flags are the kernel's business: nothing of O_NONBLOCK is kept here.
#include <fcntl.h>

#include <cstdarg>

#include "base/own_process.hpp"
#include "hooks/caller.hpp"
#include "hooks/lives.hpp"
#include "hooks/locks_of_files.hpp"
#include "hooks/next.hpp"
#include "hooks/table.hpp"

namespace weft::detail {
namespace {

// Variadic for its callers; the word that follows is passed alike on every processor that weft knows.
namespace next {
constexpr next_function<"fcntl", int(int, int, void*)> fcntl;
constexpr next_function<"fcntl64", int(int, int, void*)> fcntl64;
}  // namespace next

template <class Next> int control(Next next, int fd, int command, void* argument) {
  if (command == F_SETLKW || command == F_OFD_SETLKW) {
    const int once = command == F_SETLKW ? F_SETLK : F_OFD_SETLK;
    control_block* const self = hooked_fiber();
    if (self && is_own_process()) return until_locked(*self, [&] { return next(fd, once, argument); });
  }
  const int result = next(fd, command, argument);
  return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? begin_life(result) : result;
}

}  // namespace

const hooks_file fcntl_hooks{};

extern "C" {

int fcntl(int fd, int command, ...) {
  va_list rest;
  va_start(rest, command);
  void* const argument = va_arg(rest, void*);
  va_end(rest);
  return control(next::fcntl, fd, command, argument);
}

// What fcntl(2) is called in programs compiled with _FILE_OFFSET_BITS=64.
int fcntl64(int fd, int command, ...) {
  va_list rest;
  va_start(rest, command);
  void* const argument = va_arg(rest, void*);
  va_end(rest);
  return control(next::fcntl64, fd, command, argument);
}

}  // extern "C"

}  // namespace weft::detail
