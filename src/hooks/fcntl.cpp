// SPDX-License-Identifier: BSL-1.0
// fcntl(2) and ioctl(2): a duplicate is a new number, a lock may have to be waited for, and what is remembered of a file
// changes with O_NONBLOCK.
#include <fcntl.h>
#include <sys/ioctl.h>

#include <cstdarg>
#include <cstdint>

#include "base/own_process.hpp"
#include "hooks/caller.hpp"
#include "hooks/file_settings.hpp"
#include "hooks/lives.hpp"
#include "hooks/locks_of_files.hpp"
#include "hooks/next.hpp"
#include "hooks/next_shared.hpp"
#include "hooks/table.hpp"

namespace weft::detail {

namespace next {
constexpr next_function<"fcntl64", int(int, int, void*)> fcntl64;
constexpr next_function<"ioctl", int(int, unsigned long, void*)> ioctl;
}  // namespace next

namespace {

template <class Next> int control(Next next, int fd, int command, void* argument) {
  if (command == F_SETLKW || command == F_OFD_SETLKW) {
    const int once = command == F_SETLKW ? F_SETLK : F_OFD_SETLK;
    control_block* const self = hooked_fiber();
    if (self && is_own_process()) return until_locked(*self, fd, [&] { return next(fd, once, argument); });
  }
  const int result = next(fd, command, argument);
  if (result == 0 && command == F_SETFL && (reinterpret_cast<std::uintptr_t>(argument) & O_NONBLOCK))
    file_settings::change();
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

int ioctl(int fd, unsigned long request, ...) noexcept {
  va_list rest;
  va_start(rest, request);
  void* const argument = va_arg(rest, void*);
  va_end(rest);
  const int result = next::ioctl(fd, request, argument);
  if (result == 0 && request == FIONBIO && *static_cast<const int*>(argument)) file_settings::change();
  return result;
}

}  // extern "C"

}  // namespace weft::detail
