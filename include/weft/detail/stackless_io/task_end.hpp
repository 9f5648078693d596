// SPDX-License-Identifier: BSL-1.0
// How fibers and plain threads wait for tasks and their futures.
#pragma once

namespace weft::detail {

struct task_core;
class loop_future;

// Parks a fiber, blocks a plain thread; the first and the last are cancellation points. Throw `cancelled`, the first two
// also invalid_argument if somebody else awaits the task already.
void wait_for_end_of(task_core& whom);
void wait_deaf_for_end_of(task_core& whom);
void wait_until_done(loop_future& what);

}  // namespace weft::detail
