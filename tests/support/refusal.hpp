// SPDX-License-Identifier: BSL-1.0
// Whether a misuse is refused as it should be: a std::system_error with that code and a what() that names the mistake.
#pragma once

#include <string_view>
#include <system_error>

#include "support/function_ref.hpp"

namespace weft::test {

inline bool refuses(std::errc code, std::string_view what_says, function_ref<void()> f) {
  try {
    f();
  } catch (const std::system_error& e) {
    return e.code() == code && std::string_view(e.what()).find(what_says) != std::string_view::npos;
  }
  return false;
}

}  // namespace weft::test
