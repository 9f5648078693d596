// SPDX-License-Identifier: BSL-1.0
// A barrier without its completion function.
//
// Invariants
//  - The word holds how many arrivals the phase still lacks, and whether it is `completing`: the last one has arrived and
//    runs the completion. `phase_` and `expected_` change under the lock.
//  - An arrival can be withdrawn until its phase is completing. From then on it counts, and whoever made it waits for the
//    end of the completion, however he was woken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <weft/base/deadline.hpp>
#include <weft/detail/sync/lot_operation.hpp>

namespace weft::detail {

class barrier_core : private parking_lot {
 public:
  using complete_function = void (*)(barrier_core&) noexcept;
  static constexpr std::ptrdiff_t max() noexcept { return std::numeric_limits<std::ptrdiff_t>::max() >> shift; }

  barrier_core(std::ptrdiff_t expected, complete_function how);
  ~barrier_core() { verify_empty("weft: a barrier was destroyed while somebody waits for it"); }
  [[nodiscard]] parking_lot& lot() noexcept { return *this; }

  // The phase that was arrived at. Runs the completion if it was the last arrival.
  std::uint64_t arrive(std::ptrdiff_t n, bool drop);
  void wait(std::uint64_t phase) const;
  bool arrive_and_wait_until(deadline until);
  // The last arrival, after `enter_arriving` has said so by the note: completes, and begins the next phase.
  void finish_phase() noexcept;

  static const lot_rule waiting, arriving;
  static constexpr std::uint64_t is_last = ~std::uint64_t{0};

 private:
  static constexpr unsigned shift = 3;
  static constexpr word completing = 1 << 2;
  static constexpr word word_of(std::ptrdiff_t lacking) noexcept { return word(lacking) << shift; }
  static constexpr std::ptrdiff_t lacking_of(word state) noexcept { return std::ptrdiff_t(state >> shift); }

  static entry enter_arriving(parking_lot& lot, word& state, wait_node& who, bool again, wake_list&) noexcept;
  static bool withdraw(parking_lot& lot, word& state, wait_node& who, wake_list&) noexcept;

  std::uint64_t phase_ = 0;
  std::ptrdiff_t expected_;
  const complete_function complete_;
};

class arrive_step : public lot_operation {
 protected:
  arrive_step(barrier_core& at, deadline until) noexcept
      : lot_operation(&arrive_and_wait, at.lot(), barrier_core::arriving, 0, until), at_(at) {}

 private:
  static bool arrive_and_wait(operation& self) noexcept;

  barrier_core& at_;
};

// co_await: nothing.
class [[nodiscard]] arrive_operation : public arrive_step {
 public:
  explicit arrive_operation(barrier_core& at) noexcept : arrive_step(at, never) {}
  void await_resume() const { (void)result(); }
};

// co_await: whether the phase completed in time.
class [[nodiscard]] timed_arrive_operation : public arrive_step {
 public:
  timed_arrive_operation(barrier_core& at, deadline until) noexcept : arrive_step(at, until) {}
  [[nodiscard]] bool await_resume() const { return result(); }
};

}  // namespace weft::detail
