// SPDX-License-Identifier: BSL-1.0
#include <weft/detail/sync/channel_operation.hpp>

#include <mutex>
#include <weft/base/error.hpp>

#include "stackless/tasks.hpp"

namespace weft::detail {

bool channel_operation::proceed(operation& self) noexcept {
  auto& me = static_cast<channel_operation&>(self);
  me.course_ = me.course_ == course::waiting ? me.after_wait() : me.start();
  return me.course_ != course::waiting && me.course_ != course::yielded;
}

channel_operation::course channel_operation::start() noexcept {
  if (take_cancellation(self())) return course::cancelled;
  if (course_ == course::fresh && self().desk->counts_out()) {
    yield_in();
    return course::yielded;
  }
  return try_or_wait();
}

channel_operation::course channel_operation::try_or_wait() noexcept {
  for (bool prepared = until_.is_never();; prepared = true) {
    waiter* partner = nullptr;
    std::unique_lock guard(on_);
    const auto now = side_ == side::send ? on_.offer(node_.place, partner) : on_.accept(node_.place, partner);
    if (now == channel_core::answer::wait && prepared) {
      if (!wait_.begin(self(), side_ == side::send ? "room in a channel" : "a value from a channel"))
        return course::cancelled;
      node_.who = wait_.node().who;
      node_.generation = wait_.node().generation;
      side_ == side::send ? on_.add_sender(node_) : on_.add_receiver(node_);  // [channel-3]
      guard.unlock();
      wait_.wake_at(until_);
      return course::waiting;
    }
    guard.unlock();
    if (partner) partner->unpark(*partner);
    if (now == channel_core::answer::done) return course::done;
    if (now == channel_core::answer::closed) return course::closed;
    if (until_.passed()) return course::late;
  }
}

// [channel-4]
channel_operation::course channel_operation::after_wait() noexcept {
  const outcome why = wait_.end();
  if (why == outcome::woken) return course::done;
  if (why == outcome::closed) return course::closed;
  const std::lock_guard guard(on_);
  side_ == side::send ? on_.remove_sender(node_) : on_.remove_receiver(node_);
  return why == outcome::deadline ? course::late : course::cancelled;
}

bool channel_operation::finish() const {
  if (course_ == course::cancelled) throw cancelled();
  if (course_ == course::closed && side_ == side::send) throw channel_closed();
  return course_ == course::done;
}

}  // namespace weft::detail
