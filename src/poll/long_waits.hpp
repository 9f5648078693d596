// SPDX-License-Identifier: BSL-1.0
// The waits of one worker that are to be ended when they have become long, without a timer for each: hardly any will.
//
// Invariants
//  - Owner only. A ring of places that lie in the waiters' frames, oldest first; the hand stands between two of them.
//  - At a tick all who stand before the hand have stood there for a period, and their waits end: woken, and their places
//    say why (outcome::deadline is the word of the wait's own alarm, which then need not be cancelled). The hand goes
//    behind the youngest. So a wait ends after one period at the earliest, and two at the latest.
//  - The tick is queued while anybody has a place, and after the last one left for a period at most.
#pragma once

#include <chrono>
#include <weft/detail/run/timer_node.hpp>

#include "poll/timers.hpp"

namespace weft::detail {

class long_waits {
  struct link {
    link* before = this;
    link* after = this;

    void put_before(link& other) noexcept;
    void take_out() noexcept;
  };

 public:
  static constexpr std::chrono::milliseconds period{100};

  explicit long_waits(timers& of_worker) noexcept : timers_(of_worker) {}
  long_waits(const long_waits&) = delete;
  long_waits& operator=(const long_waits&) = delete;

  // From before a wait parks until it is over.
  class place : link {
   public:
    place(long_waits& among, waiter& who, claim::ticket generation) noexcept : who_(who), generation_(generation) {
      put_before(among.ends_);
      if (!among.ticks_) [[unlikely]]
        among.start();
    }
    place(const place&) = delete;
    place& operator=(const place&) = delete;
    ~place() { take_out(); }

    // Whether it was a tick that ended the wait.
    [[nodiscard]] bool was_long() const noexcept { return was_long_; }

   private:
    friend long_waits;

    waiter& who_;
    const claim::ticket generation_;
    bool was_long_ = false;
  };

  // Nobody has a place, and nobody will.
  void stop() noexcept { timers_.cancel(tick_); }

 private:
  struct tick : timer_node {
    explicit tick(long_waits& whose) noexcept : timer_node(&look), of(whose) {}
    long_waits& of;
  };

  void start() noexcept;
  static void look(timer_node& node, wake_list& woken) noexcept;

  timers& timers_;
  link ends_;  // of the ring: the oldest is behind it, the youngest before
  link hand_;  // in the ring while it ticks
  bool ticks_ = false;
  tick tick_{*this};
};

inline void long_waits::link::put_before(link& other) noexcept {
  before = other.before;
  after = &other;
  before->after = after->before = this;
}

inline void long_waits::link::take_out() noexcept {
  before->after = after;
  after->before = before;
  before = after = this;
}

}  // namespace weft::detail
