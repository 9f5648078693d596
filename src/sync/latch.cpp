// SPDX-License-Identifier: BSL-1.0
#include <weft/base/error.hpp>
#include <weft/detail/sync/checkpoint.hpp>
#include <weft/sync/latch.hpp>

#include "sync/lot_wait.hpp"

namespace weft {
namespace {

constexpr const char* below_zero = "weft: latch: counted down by a negative number, or below zero";

}  // namespace

const detail::lot_rule latch::waiting_{.what = "a latch", .enter = &detail::countdown::enter};

const detail::lot_rule latch::arriving_{
    .what = "a latch",
    .enter = &detail::countdown::arrive,
    .leave = &detail::countdown::withdraw,
    .mistake = std::errc::invalid_argument,
    .mistake_text = below_zero,
};

bool latch::wait_until(deadline until) const {
  detail::checkpoint();
  return try_wait() || wait_at(count_.lot(), waiting_, until);
}

void latch::arrive_and_wait(std::ptrdiff_t n) { detail::wait_at(count_.lot(), arriving_, never, std::uint64_t(n)); }

void latch::refuse_expected() {
  detail::throw_error(std::errc::invalid_argument, "weft: latch: made with a negative number, or beyond max()");
}

void latch::refuse_count_down() { detail::throw_error(std::errc::invalid_argument, below_zero); }

}  // namespace weft
