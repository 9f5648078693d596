// SPDX-License-Identifier: BSL-1.0
// What WEFT_DEBUG asks of the hooks. Whether its words are good is checked where a runtime reads them.
#pragma once

#include <cstdlib>
#include <string_view>

namespace weft::detail {

// Whether a word stands among those of the list, which commas part.
[[nodiscard]] inline bool has_debug_word(std::string_view word) noexcept {
  const char* const text = std::getenv("WEFT_DEBUG");
  for (std::string_view rest = text ? text : ""; !rest.empty();) {
    const auto comma = rest.find(',');
    if (rest.substr(0, comma) == word) return true;
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
  }
  return false;
}

}  // namespace weft::detail
