// SPDX-License-Identifier: BSL-1.0
// Asks the compiler that made this program about others, which must not compile.
#pragma once

#include <string>

namespace weft::test {

// What the compiler says of a program with these declarations; empty when it compiles.
[[nodiscard]] std::string complaint(const std::string& declarations);

}  // namespace weft::test
