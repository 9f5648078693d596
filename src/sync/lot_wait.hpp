// SPDX-License-Identifier: BSL-1.0
// How fibers and plain threads wait at a parking lot.
#pragma once

#include <cstdint>
#include <weft/base/deadline.hpp>
#include <weft/detail/sync/lot_rule.hpp>

namespace weft::detail {

// Waits as the rule says. True: it came true; false: not by then. May park. On a fiber a cancellation point if the rule
// says so. Throws `cancelled`, what the rule says of a refusal, and bad_alloc on a thread's very first wait.
// `note` goes into the wait node.
bool wait_at(parking_lot& lot, const lot_rule& rule, deadline until = never, std::uint64_t note = 0);
// The same; afterwards `note` is what the rule has made of it.
bool wait_noting(parking_lot& lot, const lot_rule& rule, deadline until, std::uint64_t& note);

}  // namespace weft::detail
