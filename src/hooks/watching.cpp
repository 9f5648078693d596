// SPDX-License-Identifier: BSL-1.0
#include "hooks/watching.hpp"

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
  descriptor* const state = at.file.state();
  if (!state) return;
  if (in || !out) watch(at.in, direction::read, *state);
  if (out) watch(at.out, direction::write, *state);
}

int watching::wait(deadline until) noexcept {
  if (!is_unheard_) {
    const int error = wait_for_any(first_, until);
    if (!is_shortage(error)) return error;
    is_unheard_ = true;
  }
  return patience_.once(*this, until);
}

}  // namespace weft::detail
