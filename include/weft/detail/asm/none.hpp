// SPDX-License-Identifier: BSL-1.0
// Stands for a machine's header where there is none: weft switches inside its library there, and nobody calls this.
#pragma once

#include <weft/detail/asm/layout.hpp>

namespace weft::detail {

inline void exchange_registers(registers&, registers&) noexcept { __builtin_unreachable(); }

}  // namespace weft::detail
