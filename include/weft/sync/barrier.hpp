// SPDX-License-Identifier: BSL-1.0
// barrier: a number of arrivals make a phase, whose end all wait for; like std::barrier.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <weft/base/deadline.hpp>
#include <weft/detail/sync/barrier_core.hpp>

namespace weft {

namespace detail {

struct no_completion {
  void operator()() const noexcept {}
};

}  // namespace detail

// Between fibers, plain threads and tasks in any mix; on a task use the async_ functions, since the others block its
// worker. The last to arrive runs the completion function, which must not throw, before anybody goes on; what was done
// before an arrival is seen in it and behind the wait.
//
// May be destroyed as soon as nobody waits or runs the completion; also by whoever was woken. To destroy it while somebody
// waits ends the process.
template <class Completion = detail::no_completion> class barrier : private detail::barrier_core {
  static_assert(std::is_nothrow_invocable_v<Completion&>, "the completion of a barrier must be noexcept");

 public:
  // The phase that somebody has arrived at.
  class [[nodiscard]] arrival_token {
    friend class barrier;
    explicit arrival_token(std::uint64_t phase) noexcept : phase_(phase) {}
    std::uint64_t phase_;
  };

  static constexpr std::ptrdiff_t max() noexcept { return barrier_core::max(); }

  // invalid_argument for less than one arrival or more than max().
  explicit barrier(std::ptrdiff_t expected, Completion complete = Completion())
      : barrier_core(expected, &run_completion), completion_(std::move(complete)) {}

  // Never parks, unless it is the last and the completion does. Anybody. invalid_argument for less than one arrival, and
  // for more than the phase lacks: then nothing has changed.
  arrival_token arrive(std::ptrdiff_t n = 1) { return arrival_token(barrier_core::arrive(n, false)); }
  // Arrives, and from the next phase on is one fewer.
  void arrive_and_drop() { (void)barrier_core::arrive(1, true); }

  // Until that phase is over. Parks a fiber, blocks a plain thread. A cancellation point: throws `cancelled`; the arrival
  // stands.
  void wait(arrival_token&& phase) const { barrier_core::wait(phase.phase_); }
  // Both together. A cancellation point: when it throws `cancelled` the arrival has been withdrawn, unless its phase was
  // complete by then: in that case it returns as if nothing had been.
  void arrive_and_wait() { (void)barrier_core::arrive_and_wait_until(never); }
  // False: the phase was not complete by then, and the arrival has been withdrawn.
  [[nodiscard]] bool arrive_and_wait_until(deadline until) { return barrier_core::arrive_and_wait_until(until); }

  // co_await: the same for tasks. A completion that a task runs should not park.
  [[nodiscard]] auto async_wait(arrival_token&& phase) noexcept {
    return detail::lot_wait_operation(lot(), waiting, phase.phase_);
  }
  [[nodiscard]] auto async_arrive_and_wait() noexcept { return detail::arrive_operation(*this); }
  [[nodiscard]] auto async_arrive_and_wait_until(deadline until) noexcept {
    return detail::timed_arrive_operation(*this, until);
  }

 private:
  friend struct detail::lot_access;
  static void run_completion(barrier_core& core) noexcept { static_cast<barrier&>(core).completion_(); }

  [[no_unique_address]] Completion completion_;
};

}  // namespace weft
