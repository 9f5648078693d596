// SPDX-License-Identifier: BSL-1.0
#include "context/shadow_stack.hpp"

#include <weft/base/error.hpp>

#include WEFT_CPU_HEADER

namespace weft::detail {

void verify_no_shadow_stack() { verify_no_shadow_stack(shadow_stack_is_on()); }

void verify_no_shadow_stack(bool is_on) {
  if (is_on) {
    throw_error(std::errc::not_supported,
                "weft: fibers cannot run with shadow stacks; take x86_shstk or gcs out of GLIBC_TUNABLES");
  }
}

}  // namespace weft::detail
