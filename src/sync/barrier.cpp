// SPDX-License-Identifier: BSL-1.0
#include <weft/base/error.hpp>
#include <weft/detail/sync/checkpoint.hpp>
#include <weft/sync/barrier.hpp>

#include "sync/lot_wait.hpp"

namespace weft::detail {
namespace {

constexpr const char* too_many = "weft: barrier: more arrivals than its phase expects";

}  // namespace

const lot_rule barrier_core::waiting{
    .what = "a barrier",
    .enter =
        [](parking_lot& lot, word&, wait_node& who, bool, wake_list&) noexcept {
          return static_cast<barrier_core&>(lot).phase_ == who.note ? entry::wait : entry::over;
        },
};

const lot_rule barrier_core::arriving{
    .what = "a barrier",
    .enter = &barrier_core::enter_arriving,
    .leave = &barrier_core::withdraw,
    .mistake = std::errc::invalid_argument,
    .mistake_text = too_many,
};

barrier_core::barrier_core(std::ptrdiff_t expected, complete_function how)
    : parking_lot(word_of(expected)), expected_(expected), complete_(how) {
  if (expected <= 0 || expected > max())
    throw_error(std::errc::invalid_argument, "weft: barrier: made for nobody, or beyond max()");
}

entry barrier_core::enter_arriving(parking_lot& lot, word& state, wait_node& who, bool again, wake_list&) noexcept {
  const auto& self = static_cast<barrier_core&>(lot);
  if (again) return self.phase_ == who.note ? entry::wait : entry::over;
  if (lacking_of(state) == 0) return entry::refused;
  who.note = self.phase_;
  state -= word_of(1);
  if (lacking_of(state) > 0) return entry::wait;
  state = completing;
  who.note = is_last;
  return entry::over;
}

bool barrier_core::withdraw(parking_lot& lot, word& state, wait_node& who, wake_list&) noexcept {
  if ((state & completing) || static_cast<barrier_core&>(lot).phase_ != who.note) return false;
  state += word_of(1);
  return true;
}

void barrier_core::finish_phase() noexcept {
  complete_(*this);
  wake_list woken;
  (void)lock();
  ++phase_;
  queue().claim_all(outcome::woken, woken);
  unlock(word_of(expected_));
  woken.unpark_all();
}

std::uint64_t barrier_core::arrive(std::ptrdiff_t n, bool drop) {
  auto state = lock();
  const std::uint64_t at = phase_;
  const std::ptrdiff_t lacking = lacking_of(state);
  if (n <= 0 || n > lacking) {
    unlock(state);
    throw_error(std::errc::invalid_argument, n <= 0 ? "weft: barrier: fewer than one arrival" : too_many);
  }
  if (drop) --expected_;
  unlock(n == lacking ? completing : word_of(lacking - n));
  if (n == lacking) finish_phase();
  return at;
}

void barrier_core::wait(std::uint64_t phase) const {
  // Whoever has a token has arrived, so the object itself is none that is const.
  wait_at(const_cast<barrier_core&>(*this), waiting, never, phase);  // NOLINT(cppcoreguidelines-pro-type-const-cast)
}

bool barrier_core::arrive_and_wait_until(deadline until) {
  checkpoint();
  std::uint64_t note = 0;
  const bool in_time = wait_noting(*this, arriving, until, note);
  if (note == is_last) finish_phase();
  return in_time;
}

bool arrive_step::arrive_and_wait(operation& self) noexcept {
  auto& me = static_cast<arrive_step&>(self);
  if (!me.advance()) return false;
  if (me.node().note == barrier_core::is_last) me.at_.finish_phase();
  return true;
}

}  // namespace weft::detail
