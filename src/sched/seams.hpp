// SPDX-License-Identifier: BSL-1.0
// What a simulated runtime replaces: the clock, the poller, and the choice among ready runnables.
#pragma once

#include <functional>
#include <memory>

#include "poll/clock.hpp"
#include "poll/poller.hpp"

namespace weft::detail {

// Picks which of `count` ready runnables is next. Null in a real runtime: the pick order of `worker` decides.
class chooser {
 public:
  virtual ~chooser() = default;
  virtual std::size_t choose(std::size_t count) noexcept = 0;
};

struct seams {
  class clock* clock = nullptr;                               // null: the steady clock
  std::function<std::unique_ptr<poller>()> make_poller = {};  // empty: epoll
  chooser* choice = nullptr;
};

}  // namespace weft::detail
