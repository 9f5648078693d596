// SPDX-License-Identifier: BSL-1.0
// What stderr is told of an exception that nobody can observe, where no run() is there to throw it.
#pragma once

#include <exception>

namespace weft::detail {

class raw_line;

// Any thread. `whose`: who threw it, and what came of it: "... ends its runtime by".
void tell_unobserved(raw_line& whose, const std::exception_ptr& error) noexcept;

}  // namespace weft::detail
