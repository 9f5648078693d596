// SPDX-License-Identifier: BSL-1.0
// The wait for the end of something by its joiner, fiber or plain thread: of a fiber, of a task, of a call in the pool.
#pragma once

#include <weft/detail/run/completion.hpp>

#include "fiber/waiting.hpp"

namespace weft::detail {

// Literals: what the joiner waits for, for the dump; and what a second joiner is told.
struct awaited_end {
  const char* name;
  const char* refusal;
};

// `self` is the running fiber, null on a plain thread. True: it has ended; false: the deadline has passed. Throws
// `cancelled` if it `may`; invalid_argument for a second joiner; bad_alloc when a plain thread waits for the first time.
bool wait_for_end(completion& of, const awaited_end& what, control_block* self, deadline until,
                  waiting::may_cancel may);

}  // namespace weft::detail
