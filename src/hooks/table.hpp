// SPDX-License-Identifier: BSL-1.0
// The table of hooked functions: the one place that lists them. The table of docs/hooks.md is made from it by `./dev fmt`,
// and a row whose function no scenario of tests/hooks calls on a fiber fails the tests.
#pragma once

#include <span>
#include <string_view>

namespace weft::detail {

// What a hooked function does on a fiber.
enum class behaviour {
  sleeps,  // parks the fiber until a point in time
};

struct hook {
  std::string_view name;
  behaviour does;
  void (*address)();  // our definition, so that whoever links the table links them all
};

[[nodiscard]] std::span<const hook> hooks_table() noexcept;

}  // namespace weft::detail
