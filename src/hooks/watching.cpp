// SPDX-License-Identifier: BSL-1.0
#include "hooks/watching.hpp"

#include <algorithm>

namespace weft::detail {

void watching::watch(watched& with, direction which, descriptor& file) noexcept {
  with.file = &file;
  with.which = which;
  with.next = first_;
  first_ = &with;
}

void watching::add(int fd, bool in, bool out) noexcept {
  place& at = places_[count_++];
  at.file = adopted_file(fd, function_);
  at.life = at.file.life();
  descriptor* const state = at.file.state();
  if (!state) {
    asks_again_ = true;
    return;
  }
  if (in || !out) watch(at.in, direction::read, *state);
  if (out) watch(at.out, direction::write, *state);
}

int watching::wait(deadline until) noexcept {
  const int error = wait_for_any(first_, asks_again_ ? std::min(until, patience_.soon()) : until);
  if (is_shortage(error)) {
    asks_again_ = true;
    first_ = nullptr;
    return 0;
  }
  return error == EAGAIN && !until.passed() ? 0 : error;
}

}  // namespace weft::detail
