// SPDX-License-Identifier: BSL-1.0
#include "context/first_call.hpp"

#include <unistd.h>

#include <cstdlib>
#include <string_view>

extern "C" [[gnu::visibility("hidden")]] void weft_context_returned() noexcept {
  // Not through stdio: nothing is known of the state in which the stack was left.
  constexpr std::string_view line = "weft: the first function of a stack returned; there is nothing to return to\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
  std::abort();
}
