// SPDX-License-Identifier: BSL-1.0
// The contract of what tells descriptors about readiness: one poller per worker; epoll is the first.
//
// What an implementation owes:
//  - It reports edges, for both directions, from `attach` until `detach`: an edge is any event that could let a failed
//    attempt succeed. What is ready when `attach` is called counts as an edge.
//  - It calls `descriptor::deliver` with epoll's event bits and the generation that `attach` found; the descriptor
//    drops what is stale.
//  - `wait` may return early, with nothing delivered, but not forever: whoever waits looks at the clock and waits again.
//    It is never late by more than the machine makes it. A `wake` before the `wait` is not lost: that wait returns.
//  - Its destructor begins with `descriptor::forget(*this)`.
#pragma once

#include <cstdint>
#include <weft/detail/run/waiter.hpp>

namespace weft::detail {

class descriptor;

class poller {
 public:
  poller() = default;
  virtual ~poller() = default;
  poller(const poller&) = delete;
  poller& operator=(const poller&) = delete;

  // Any thread; only `descriptor` calls these two, never both at once for one descriptor. Throws std::system_error that
  // names the fd.
  virtual void attach(descriptor& which) = 0;
  virtual void detach(descriptor& which) noexcept = 0;
  // The same callers. Whether it still listens for the file that the number names now; if so, what is ready counts as an
  // edge again, as with `attach`. One that is told of every close need not look.
  [[nodiscard]] virtual bool still_hears(descriptor&) noexcept { return true; }

  // Owner only. Delivers what happened, waiting for it up to `timeout` nanoseconds: 0 only looks, `deadline::limit` has
  // no end. Waiters whose claims were won are pushed in the order of the events. Throws std::system_error when waiting has
  // become impossible.
  virtual void wait(std::int64_t timeout, wake_list& woken) = 0;

  // Any thread, and signal handlers. The `wait` that goes on, or else the next, returns.
  virtual void wake() noexcept = 0;
};

}  // namespace weft::detail
