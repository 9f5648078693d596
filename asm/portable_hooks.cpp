// SPDX-License-Identifier: BSL-1.0
// What stands for the hooks in assembly on machines that have none. A function of C++ cannot return to the child and then
// to the parent, so a child of vfork(2) gets a copy of the memory, as POSIX allows.
#include <sched.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstdarg>

extern "C" {

extern const char weft_hooks_in_assembly;
const char weft_hooks_in_assembly = 0;

void* weft_before_clone(int (*begins)(void*), void* stack, int flags) noexcept;

pid_t vfork() noexcept { return fork(); }

int clone(int (*begins)(void*), void* stack, int flags, void* argument, ...) noexcept {
  std::va_list more;  // the flags tell which of them mean something
  va_start(more, argument);
  auto* const parents_number = va_arg(more, pid_t*);
  auto* const locals = va_arg(more, void*);
  auto* const childs_number = va_arg(more, pid_t*);
  va_end(more);
  const auto next = reinterpret_cast<decltype(&clone)>(weft_before_clone(begins, stack, flags));
  return next(begins, stack, flags, argument, parents_number, locals, childs_number);
}

}  // extern "C"
