// SPDX-License-Identifier: BSL-1.0
// What a fiber is spawned with.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace weft {

struct spawn_options {
  std::string_view name = {};        // copied; the first 31 bytes count
  std::size_t stack_size = 0;        // usable bytes, as options::stack_size; 0: the runtime's
  std::optional<bool> movable = {};  // empty: the runtime's
  int worker = -1;                   // runs there from the start; -1: anywhere. Out of range: invalid_argument
};

}  // namespace weft
