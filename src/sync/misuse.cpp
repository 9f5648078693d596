// SPDX-License-Identifier: BSL-1.0
#include <unistd.h>

#include <cstdlib>
#include <weft/detail/sync/parking_lot.hpp>

#include "context/raw_line.hpp"

namespace weft::detail {

void die_of_misuse(const char* what) noexcept {
  raw_line line;
  line.text(what).write_to(STDERR_FILENO);
  std::abort();
}

}  // namespace weft::detail
