// SPDX-License-Identifier: BSL-1.0
// once_flag, call_once(): the first who comes runs the function, the others wait for him; like std's.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <type_traits>
#include <utility>
#include <weft/stackless/task.hpp>
#include <weft/sync/mutex.hpp>

namespace weft {

class once_flag {
 public:
  constexpr once_flag() noexcept = default;
  ~once_flag() {
    running_.lot_.verify_empty("weft: a once_flag was destroyed while somebody waits for its call_once()");
  }

 private:
  template <class F, class... Arguments> friend void call_once(once_flag&, F&&, Arguments&&...);
  template <class F> friend stackless::task<> async_call_once(once_flag&, F);

  friend struct detail::lot_access;

  std::atomic<bool> done_{false};
  mutex running_;
};

// Runs `f(arguments...)` unless that has been done for this flag. If it throws that comes out of here, and the next one
// who waits, or comes, tries anew. When it returns, `f` has returned, and what it wrote is seen. Between fibers and plain
// threads; parks like mutex::lock(), and like that is no cancellation point, though `f` may contain some.
// resource_deadlock_would_occur if `f` itself asks for the same flag.
template <class F, class... Arguments> void call_once(once_flag& flag, F&& f, Arguments&&... arguments) {
  if (flag.done_.load(std::memory_order_acquire)) [[likely]]  // pairs with the store below
    return;
  const std::lock_guard guard(flag.running_);
  if (flag.done_.load(std::memory_order_relaxed)) return;  // written under the mutex
  std::invoke(std::forward<F>(f), std::forward<Arguments>(arguments)...);
  flag.done_.store(true, std::memory_order_release);  // pairs with the load above
}

// co_await: the same for tasks. `f` may itself return a task, which then is what has to be done.
template <class F> [[nodiscard]] stackless::task<> async_call_once(once_flag& flag, F f) {
  if (flag.done_.load(std::memory_order_acquire)) co_return;  // pairs as above
  co_await flag.running_.async_lock();
  const std::lock_guard guard(flag.running_, std::adopt_lock);
  if (flag.done_.load(std::memory_order_relaxed)) co_return;
  if constexpr (requires { typename std::invoke_result_t<F&>::promise_type; })
    co_await f();
  else
    f();
  flag.done_.store(true, std::memory_order_release);
}

}  // namespace weft
