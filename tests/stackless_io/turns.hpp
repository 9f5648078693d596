// SPDX-License-Identifier: BSL-1.0
// Turns that a task gives to the others.
#pragma once

#include <weft/stackless.hpp>

namespace weft::test {

inline stackless::task<> some_turns() {
  for (int i = 0; i < 4; ++i) co_await stackless::yield();
}

}  // namespace weft::test
