// SPDX-License-Identifier: BSL-1.0
// A call on the blocking pool that settles a future: what run_in_executor() makes.
#pragma once

#include <functional>
#include <memory>
#include <source_location>
#include <type_traits>
#include <utility>
#include <weft/detail/sched/blocking_call.hpp>
#include <weft/detail/stackless/loop_future.hpp>

namespace weft::detail {

// Takes the caller's context variables along. Throws loop_error when the loop is closed, std::system_error without a
// thread.
void submit(loop_core& on, std::unique_ptr<blocking_job> what);

// The pool owns it from `submit` on.
template <class F, class R> class executor_call final : public blocking_job {
 public:
  template <class G>
  executor_call(G&& what, std::source_location asked, loop_future& to)
      : blocking_job(asked), what_(std::forward<G>(what)), to_(&to) {
    to.share();
    context_.inherit(context_place_here(false));
  }
  ~executor_call() override {
    context_.clear();
    to_->let_go();
  }

  void perform() noexcept override {
    auto& to = static_cast<loop_future_of<R>&>(*to_);
    if (to.is_done()) return;  // cancelled before the call
    const borrowed_context around(context_);
    try {
      if constexpr (std::is_void_v<R>) {
        std::invoke(std::move(what_));
        (void)to.try_set();
      } else {
        (void)to.try_set(std::invoke(std::move(what_)));
      }
    } catch (...) {
      (void)to.try_fail(std::current_exception());
    }
  }
  [[nodiscard]] bool finish() noexcept override { return true; }

 private:
  F what_;
  loop_future* const to_;
  context_place context_;
};

}  // namespace weft::detail
