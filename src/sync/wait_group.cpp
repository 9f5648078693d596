// SPDX-License-Identifier: BSL-1.0
#include <weft/detail/sync/checkpoint.hpp>
#include <weft/sync/wait_group.hpp>

#include "sync/lot_wait.hpp"

namespace weft {

const detail::lot_rule wait_group::waiting_{.what = "a wait_group", .enter = &detail::countdown::enter};

bool wait_group::wait_until(deadline until) {
  detail::checkpoint();
  return count() == 0 || wait_at(count_.lot(), waiting_, until);
}

void wait_group::refuse(std::ptrdiff_t n) {
  if (n > 0) detail::throw_error(std::errc::value_too_large, "weft: wait_group: add() beyond max()");
  detail::throw_error(std::errc::invalid_argument, "weft: wait_group: more was done than was added");
}

}  // namespace weft
