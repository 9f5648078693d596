// SPDX-License-Identifier: BSL-1.0
#include "poll/clock.hpp"

#include <chrono>

#include "base/immortal.hpp"

namespace weft::detail {

std::int64_t system_clock_source::now() noexcept {
  const auto since_epoch = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch).count();
}

system_clock_source& system_clock_source::instance() noexcept {
  static immortal<system_clock_source> source;
  return *source;
}

}  // namespace weft::detail
