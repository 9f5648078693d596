// SPDX-License-Identifier: BSL-1.0
#include <weft/detail/sync/countdown.hpp>

namespace weft::detail {

bool countdown::add_slowly(std::ptrdiff_t by) noexcept {
  wake_list woken;
  const auto state = lot_.lock();
  const std::ptrdiff_t to = count_of(state) + by;  // far from overflow: both are below max()
  const bool possible = to >= 0 && to <= max();
  if (possible && to == 0) lot_.queue().claim_all(outcome::woken, woken);
  lot_.unlock(possible ? word_of(to) : state);
  woken.unpark_all();
  return possible;
}

entry countdown::enter(parking_lot&, parking_lot::word& state, wait_node&, bool, wake_list&) noexcept {
  return count_of(state) == 0 ? entry::over : entry::wait;
}

entry countdown::arrive(parking_lot& lot, parking_lot::word& state, wait_node& who, bool again,
                        wake_list& woken) noexcept {
  if (!again) {
    if (who.note > std::uint64_t(count_of(state))) return entry::refused;
    state = word_of(count_of(state) - std::ptrdiff_t(who.note));
    if (count_of(state) == 0) lot.queue().claim_all(outcome::woken, woken);
  }
  return count_of(state) == 0 ? entry::over : entry::wait;
}

bool countdown::withdraw(parking_lot&, parking_lot::word& state, wait_node& who, wake_list&) noexcept {
  if (count_of(state) == 0) return false;
  state = word_of(count_of(state) + std::ptrdiff_t(who.note));
  return true;
}

}  // namespace weft::detail
