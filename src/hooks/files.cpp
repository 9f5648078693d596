// SPDX-License-Identifier: BSL-1.0
// Calls that wait for a lock on a file.
//
// It is tried again and again, each time a little later: the kernel tells nobody when one is free, and a thread that
// waited inside of it could not be cancelled. So among fibers and others who wait there is no order, and a circle of waiting
// processes is not found out (EDEADLK).
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/own_process.hpp"
#include "hooks/caller.hpp"
#include "hooks/locks_of_files.hpp"
#include "hooks/next.hpp"
#include "hooks/table.hpp"

namespace weft::detail {

namespace next {
constexpr next_function<"flock", int(int, int)> flock;
constexpr next_function<"lockf", int(int, int, off_t)> lockf;
constexpr next_function<"lockf64", int(int, int, off64_t)> lockf64;
}  // namespace next

const hooks_file files_hooks{};

extern "C" {

int flock(int fd, int operation) noexcept {
  control_block* const self = hooked_fiber();
  const bool waits = (operation & (LOCK_SH | LOCK_EX)) && !(operation & LOCK_NB);
  if (!self || !waits || !is_own_process()) [[likely]]
    return next::flock(fd, operation);
  return until_locked(*self, fd, [&] { return next::flock(fd, operation | LOCK_NB); });
}

int lockf(int fd, int command, off_t size) {
  control_block* const self = hooked_fiber();
  if (!self || command != F_LOCK || !is_own_process()) [[likely]]
    return next::lockf(fd, command, size);
  return until_locked(*self, fd, [&] { return next::lockf(fd, F_TLOCK, size); });
}

int lockf64(int fd, int command, off64_t size) {
  control_block* const self = hooked_fiber();
  if (!self || command != F_LOCK || !is_own_process()) [[likely]]
    return next::lockf64(fd, command, size);
  return until_locked(*self, fd, [&] { return next::lockf64(fd, F_TLOCK, size); });
}

}  // extern "C"

}  // namespace weft::detail
