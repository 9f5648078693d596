// SPDX-License-Identifier: BSL-1.0
// What the running fiber can do with itself.
#pragma once

#include <cstddef>
#include <string_view>
#include <weft/base/deadline.hpp>
#include <weft/detail/context/crossing.hpp>
#include <weft/fiber/fiber_id.hpp>

namespace weft::detail {

// The first half of a yield: the running fiber goes to the end of the queue.
[[nodiscard]] crossing give_turn();

}  // namespace weft::detail

namespace weft::this_fiber {

// Lets others run. A cancellation point. Off a fiber: yields the thread.
[[gnu::always_inline]] inline void yield() { detail::cross(detail::give_turn()); }
// Not before that time has passed. Cancellation points, and park. Off a fiber: the thread sleeps.
void sleep_until(deadline until);
inline void sleep_for(deadline from_now) { sleep_until(from_now); }

// Zero off a fiber.
[[nodiscard]] fiber_id id() noexcept;
// Empty off a fiber, and for a fiber without a name. Valid until the fiber ends.
[[nodiscard]] std::string_view name() noexcept;
[[nodiscard]] bool on_fiber() noexcept;

// Whether the next cancellation point will throw. False off a fiber.
[[nodiscard]] bool cancelled() noexcept;
// Throws `cancelled` if so: a cancellation point and nothing else.
void check_cancelled();
// The earliest deadline of the scopes around, up to the nearest shield; `never` off a fiber.
[[nodiscard]] deadline current_deadline() noexcept;
// Bytes that a composed operation (write_all, read_exact) had moved when `cancelled` left it. Zero off a fiber.
[[nodiscard]] std::size_t last_transferred() noexcept;

}  // namespace weft::this_fiber
