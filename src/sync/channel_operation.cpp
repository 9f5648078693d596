// SPDX-License-Identifier: BSL-1.0
#include <weft/detail/sync/channel_operation.hpp>

#include <memory>
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
  if (course_ == course::locked) return try_or_wait();
  if (take_cancellation(self())) return course::cancelled;
  if (course_ == course::tired) {
    yield_in();
    return course::yielded;
  }
  on_.lock();
  return try_or_wait();
}

channel_operation::course channel_operation::try_or_wait() noexcept {
  std::unique_lock guard(on_, std::adopt_lock);
  for (bool prepared = until_.is_never();; prepared = true) {
    if (!guard) guard.lock();
    waiter* partner = nullptr;
    const auto now = side_ == side::send ? on_.offer(place_, partner) : on_.accept(place_, partner);
    if (now == channel_core::answer::wait && prepared) {
      auto& [node, wait] = *std::construct_at(&line_, place_, side_);
      if (!wait.begin(self(), name_of_channel_wait(node.sends))) return course::cancelled;
      node.who = wait.node().who;
      node.generation = wait.node().generation;
      on_.add(node);  // [channel-3]
      guard.unlock();
      wait.wake_at(until_);
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
  const outcome why = line_.wait.end();
  if (why == outcome::woken) return course::done;
  if (why == outcome::closed) return course::closed;
  const std::lock_guard guard(on_);
  on_.remove(line_.node);
  return why == outcome::deadline ? course::late : course::cancelled;
}

bool channel_operation::finish_undone() const {
  if (course_ == course::cancelled) throw cancelled();
  if (course_ == course::closed && side_ == side::send) throw channel_closed();
  return false;
}

}  // namespace weft::detail
