// SPDX-License-Identifier: BSL-1.0
// What event loops write to stderr, one line each.
#pragma once

#include <cstdint>
#include <source_location>
#include <string_view>
#include <weft/stackless/error_context.hpp>

namespace weft::detail {

void write_report(const stackless::error_context& what) noexcept;
// `name`: empty if it has none.
void write_slow(const char* kind, std::string_view name, const std::source_location& where, std::int64_t took) noexcept;

}  // namespace weft::detail
