// SPDX-License-Identifier: BSL-1.0
// A switch that the library has prepared and the program makes: from one flow of control on this thread to another.
//
// Inlined into the program, the switch saves what its caller has in use and no more; and no call is returned from on
// another side than it came from, which matters because processors predict a return by the last call.
#pragma once

#include <weft/detail/asm/exchange.hpp>

namespace weft::detail {

// Who goes on: the caller exchanges these registers, or, where there are none, need not any more, since the library has
// switched itself.
struct crossing {
  registers* from = nullptr;
  registers* to = nullptr;
};

// Nothing of a thread may be read here: callers may go on elsewhere behind it.
[[gnu::always_inline]] inline void cross(const crossing c) noexcept {
  if (c.from) [[likely]]
    exchange_registers(*c.from, *c.to);
}

}  // namespace weft::detail
