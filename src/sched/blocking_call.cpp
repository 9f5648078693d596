// SPDX-License-Identifier: BSL-1.0
#include <weft/detail/sched/blocking_call.hpp>

namespace weft::detail {

blocking_call::~blocking_call() { context.clear(); }

void blocking_call::perform() noexcept {
  const borrowed_context around(context);
  call();
}

bool blocking_call::finish() noexcept {
  const completion::end told = end.finish();
  if (told.joiner && told.wins_joiner()) told.joiner->unpark(*told.joiner);
  return told.detached;
}

}  // namespace weft::detail
