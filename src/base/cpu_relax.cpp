// SPDX-License-Identifier: BSL-1.0
#include <sched.h>

#include <weft/detail/base/cpu_relax.hpp>

#include WEFT_CPU_HEADER

namespace weft::detail {

void relax(unsigned spins) noexcept {
  constexpr unsigned before_yield = 64;  // about a microsecond: longer than any critical section under a spin lock
  if (spins >= before_yield) {
    sched_yield();
    return;
  }
  pause();
}

}  // namespace weft::detail
