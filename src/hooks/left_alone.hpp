// SPDX-License-Identifier: BSL-1.0
// The functions of libc that may wait, or belong to a hooked family, and are not hooked: which, and why.
#pragma once

#include <span>
#include <string_view>

namespace weft::detail {

struct left_alone {
  std::string_view names;
  std::string_view why;
};

[[nodiscard]] std::span<const left_alone> left_alone_table() noexcept;

}  // namespace weft::detail
