// SPDX-License-Identifier: BSL-1.0
// async_blocking(): what blocking() is for fibers, for tasks.
#pragma once

#include <memory>
#include <source_location>
#include <type_traits>
#include <utility>
#include <weft/detail/fiber/blocking_wait.hpp>
#include <weft/detail/sync/blocking_operation.hpp>

namespace weft {

namespace detail {

// co_await: what the call returns.
template <class F> class [[nodiscard]] async_call : public blocking_operation {
  using result_type = std::invoke_result_t<F>;
  using call_type = owning_call<F, result_type>;

 public:
  template <class G>
  async_call(G&& what, bool may_be_abandoned, std::source_location where)
      : blocking_operation(std::make_unique<call_type>(std::forward<G>(what), where),
                           may_be_abandoned ? when_cancelled::abandon : when_cancelled::wait) {}
  result_type await_resume() { return static_cast<call_type&>(ended_call()).result.take(); }
};

}  // namespace detail

// co_await: calls `f()` on the pool and returns or throws what it did, under the rules of blocking(): a cancelled task takes
// a queued call back, and waits for one that has begun; then the cancellation is for its next wait. `f` is moved or copied.
//
// g++ 12 ends the captures of a closure twice that is written within the co_await. If they have destructors name it before:
// `auto f = [owned = std::move(p)] { ... };`, then `co_await async_blocking(std::move(f))`.
template <class F>
[[nodiscard]] auto async_blocking(F&& f, std::source_location where = std::source_location::current()) {
  return detail::async_call<std::decay_t<F>>(std::forward<F>(f), false, where);
}

// The same under the rules of blocking_abandonable(): a cancelled task leaves at once.
template <class F>
[[nodiscard]] auto async_blocking_abandonable(F&& f, std::source_location where = std::source_location::current()) {
  return detail::async_call<std::decay_t<F>>(std::forward<F>(f), true, where);
}

}  // namespace weft
