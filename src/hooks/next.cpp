// SPDX-License-Identifier: BSL-1.0
#include "hooks/next.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "context/raw_line.hpp"

namespace weft::detail {
namespace {

// Stands for a function that is younger than this libc. What it is called with does not matter.
long missing() noexcept {
  errno = ENOSYS;
  return -1;
}

// In a fully static program there is no loader to ask.
[[noreturn]] void refuse_static() noexcept {
  raw_line().text("weft-hooks: a fully static program cannot be hooked; link libc dynamically").write_to(STDERR_FILENO);
  std::abort();
}

}  // namespace

[[gnu::noinline]] void* find_next(const char* name) noexcept {
  const int error = errno;
  void* const found = dlsym(RTLD_NEXT, name);
  if (!found && !dlsym(RTLD_DEFAULT, "dlsym")) refuse_static();
  errno = error;
  return found ? found : reinterpret_cast<void*>(&missing);
}

}  // namespace weft::detail
