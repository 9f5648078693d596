// SPDX-License-Identifier: BSL-1.0
// What the tests of cancellation share.
#pragma once

#include <system_error>
#include <weft/weft.hpp>

#include "support/refusal.hpp"

namespace weft::test {

inline void wait_for_cancellation() { weft::this_fiber::sleep_until(weft::never); }

template <class T> bool was_cancelled(weft::fiber<T>& f) {
  return refuses(std::errc::operation_canceled, "the fiber was cancelled", [&] { return f.join(), 0; });
}

}  // namespace weft::test
