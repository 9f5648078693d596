// SPDX-License-Identifier: BSL-1.0
// The sleeping functions: on a fiber a timer of its worker, and never a signal that cuts them short. The only thing that
// ends one early is the fiber's cancellation, by which it fails with ECANCELED and says how much was left.
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <weft/base/deadline.hpp>

#include "hooks/caller.hpp"
#include "hooks/next.hpp"
#include "hooks/table.hpp"
#include "hooks/times.hpp"

namespace weft::detail {

namespace next {
constexpr next_function<"sleep", unsigned(unsigned)> sleep;
constexpr next_function<"usleep", int(useconds_t)> usleep;
constexpr next_function<"nanosleep", int(const timespec*, timespec*)> nanosleep;
constexpr next_function<"clock_nanosleep", int(clockid_t, int, const timespec*, timespec*)> clock_nanosleep;
constexpr next_function<"thrd_sleep", int(const timespec*, timespec*)> thrd_sleep;
}  // namespace next

namespace {

// Until the clock shows that, whatever is done to the clock meanwhile. 0 or an errno.
int sleep_until_shown(opaque_call& call, clockid_t clock, const timespec& shown) noexcept {
  for (;;) {
    timespec now{};
    if (clock_gettime(clock, &now)) return errno;
    const std::int64_t left = nanoseconds_of(shown) - nanoseconds_of(now);
    if (left <= 0) return 0;
    if (const int error = call.sleep_until(deadline(std::chrono::nanoseconds(left)))) return error;
  }
}

// For a time from now; what is left of it goes to `left` when it was cut short.
int sleep_for(opaque_call& call, const timespec& length, timespec* left) noexcept {
  if (!is_valid(length)) return EINVAL;
  const deadline until = from_now(length);
  const int error = call.sleep_until(until);
  if (error && left) *left = timespec_of(until.remaining());
  return error;
}

// Clocks that count the time that passes, as against the time that somebody computes.
[[nodiscard]] bool counts_time(clockid_t clock) noexcept {
  return clock == CLOCK_MONOTONIC || clock == CLOCK_REALTIME || clock == CLOCK_BOOTTIME || clock == CLOCK_TAI;
}

}  // namespace

const hooks_file sleep_hooks{};

extern "C" {

unsigned sleep(unsigned seconds) {
  control_block* const self = hooked_fiber();
  if (!self) [[likely]]
    return next::sleep(seconds);
  opaque_call call(*self);
  timespec left{};
  const int error = sleep_for(call, {static_cast<time_t>(seconds), 0}, &left);
  return call.returns(error, 0) ? static_cast<unsigned>(left.tv_sec) : 0;
}

int usleep(useconds_t length) {
  control_block* const self = hooked_fiber();
  if (!self) [[likely]]
    return next::usleep(length);
  opaque_call call(*self);
  return call.returns(sleep_for(call, timespec_of(std::chrono::microseconds(length)), nullptr), 0);
}

int nanosleep(const timespec* length, timespec* left) {
  control_block* const self = hooked_fiber();
  if (!self) [[likely]]
    return next::nanosleep(length, left);
  opaque_call call(*self);
  return call.returns(sleep_for(call, *length, left), 0);
}

int clock_nanosleep(clockid_t clock, int flags, const timespec* time, timespec* left) {
  control_block* const self = hooked_fiber();
  if (!self || !counts_time(clock)) [[likely]]
    return next::clock_nanosleep(clock, flags, time, left);
  opaque_call call(*self);
  if (!(flags & TIMER_ABSTIME)) return call.returns_error(sleep_for(call, *time, left));
  if (!is_valid(*time)) return call.returns_error(EINVAL);
  if (clock != CLOCK_MONOTONIC) return call.returns_error(sleep_until_shown(call, clock, *time));
  return call.returns_error(call.sleep_until(deadline::from_nanoseconds(nanoseconds_of(*time))));
}

int thrd_sleep(const timespec* length, timespec* left) {
  control_block* const self = hooked_fiber();
  if (!self) [[likely]]
    return next::thrd_sleep(length, left);
  opaque_call call(*self);
  const int error = call.returns_error(sleep_for(call, *length, left));
  return error == 0 ? 0 : error == ECANCELED ? -1 : -2;
}

}  // extern "C"

}  // namespace weft::detail
