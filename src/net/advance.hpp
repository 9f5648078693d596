// SPDX-License-Identifier: BSL-1.0
// The step that all operations of tasks on sockets make.
#pragma once

#include <cerrno>
#include <weft/detail/net/async.hpp>

#include "net/attempts.hpp"
#include "net/wait.hpp"

namespace weft::detail {

template <class Attempt> bool io_operation::advance(Attempt&& attempt, bool may_wait) noexcept {
  const bool first = phase_ == phase::fresh;
  course now = go_on();
  // Where the last read is known to have emptied the socket, the first try is left out.
  if (now == course::on && first && may_wait && side() == io_side::read) {
    if (const auto seen = socket_wait::drained(socket())) now = wait(seen);
  }
  while (now == course::on) {
    if (socket_wait::count_one(socket())) [[unlikely]] {
      yield_in();
      return false;
    }
    const auto seen = socket_wait::about_to_try(socket(), side());
    result_.error = socket().is_open() ? attempt(seen) : ECANCELED;
    if (would_block(result_.error))
      now = wait(seen);
    else if (result_.error == pause_first)
      now = pause();
    else if (result_.error != try_again)
      return true;
  }
  return now == course::decided;
}

}  // namespace weft::detail
