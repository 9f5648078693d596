// SPDX-License-Identifier: BSL-1.0
#include <weft/stackless_io/queue.hpp>

#include <algorithm>
#include <weft/base/error.hpp>
#include <weft/stackless_io/condition.hpp>

namespace weft::stackless {

queue_empty::queue_empty()
    : std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again),
                        "weft::stackless: the queue is empty") {}
queue_full::queue_full()
    : std::system_error(std::make_error_code(std::errc::no_buffer_space), "weft::stackless: the queue is full") {}
queue_shut_down::queue_shut_down()
    : std::system_error(std::make_error_code(std::errc::broken_pipe), "weft::stackless: the queue was shut down") {}

}  // namespace weft::stackless

namespace weft::detail {

using stackless::future;

bool queue_core::may_put() const {
  if (shut_down_) throw stackless::queue_shut_down();
  return !is_full();
}

bool queue_core::may_get() const {
  if (count_ == 0 && shut_down_) throw stackless::queue_shut_down();
  return count_ > 0;
}

void queue_core::has_put() {
  ++count_;
  ++unfinished_;
  wake_one(getters_);
}

void queue_core::has_got() {
  --count_;
  wake_one(putters_);
}

void queue_core::shut_down(bool immediately, std::size_t dropped) {
  shut_down_ = true;
  if (immediately) {
    count_ = 0;
    has_done(dropped);
  }
  wake_all(putters_);
  wake_all(getters_);
}

void queue_core::wake_one(line& waiting) {
  while (!waiting.empty()) {
    const future<> next = std::move(waiting.front());
    waiting.pop_front();
    if (try_settle(next)) return;
  }
}

void queue_core::wake_all(line& waiting) {
  for (const future<>& each : std::exchange(waiting, {})) (void)try_settle(each);
}

std::optional<queue_core::place> queue_core::wait_for_room() {
  const future<> told;
  const std::lock_guard guard(lock);
  if (!is_full() || shut_down_) return std::nullopt;
  putters_.push_back(told);
  return place{&putters_, told};
}

std::optional<queue_core::place> queue_core::wait_for_item() {
  const future<> told;
  const std::lock_guard guard(lock);
  if (count_ > 0 || shut_down_) return std::nullopt;
  getters_.push_back(told);
  return place{&getters_, told};
}

stackless::task<> queue_core::waits_for(place where) {
  try {
    co_await where.told;
  } catch (const cancelled&) {
    const std::lock_guard guard(lock);
    std::erase(*where.in, where.told);
    const bool can_go_on = where.in == &getters_ ? count_ > 0 : !is_full();
    if (!where.told.cancelled() && can_go_on) wake_one(*where.in);
    throw;
  }
}

std::size_t queue_core::size() {
  const std::lock_guard guard(lock);
  return count_;
}

void queue_core::has_done(std::size_t many) {
  unfinished_ -= std::min(many, unfinished_);  // what is dropped may have been dealt with before it was got
  if (unfinished_ == 0) wake_all(joiners_);
}

void queue_core::task_done() {
  const std::lock_guard guard(lock);
  if (unfinished_ == 0)
    throw_error(std::errc::invalid_argument, "weft::stackless: task_done() of a queue was called too many times");
  has_done(1);
}

stackless::task<> queue_core::join() {
  const future<> told;
  {
    const std::lock_guard guard(lock);
    if (unfinished_ == 0) co_return;
    joiners_.push_back(told);
  }
  try {
    co_await told;
  } catch (const cancelled&) {
    const std::lock_guard guard(lock);
    std::erase(joiners_, told);
    throw;
  }
}

}  // namespace weft::detail
