// SPDX-License-Identifier: BSL-1.0
// What the tests of event loops, and of what runs on them, share.
#pragma once

#include <system_error>
#include <weft/stackless.hpp>

#include "support/function_ref.hpp"
#include "support/scale.hpp"

namespace weft::test {

// What a loop answers to a call that has no place there.
inline constexpr auto refused = std::errc::operation_not_permitted;

// On a loop of one worker, and on the loop of one of several.
inline void on_loops(function_ref<stackless::task<>()> body) {
  stackless::event_loop().run_until_complete(body());
  stackless::run(body(), {.workers = workers()});
}

}  // namespace weft::test
