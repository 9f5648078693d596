// SPDX-License-Identifier: BSL-1.0
// What the templates of event loops and futures call.
#pragma once

#include <weft/detail/base/counted_pointer.hpp>
#include <weft/detail/stackless/callback.hpp>

namespace weft::detail {

class loop_core;

// Of the worker that the caller is on, made when it is first asked for. Throws loop_error elsewhere: no running loop.
[[nodiscard]] loop_core& running_loop();

// Any thread. Throws loop_error when the loop is closed.
void schedule(loop_core& on, callback& what);
void schedule_at(loop_core& on, timed_callback& what);

}  // namespace weft::detail
