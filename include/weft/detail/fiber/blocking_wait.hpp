// SPDX-License-Identifier: BSL-1.0
// How a fiber waits for a call on the blocking pool; what the templates of blocking() stand on.
#pragma once

#include <functional>
#include <memory>
#include <source_location>
#include <utility>
#include <weft/detail/base/result_slot.hpp>
#include <weft/detail/sched/blocking_call.hpp>

namespace weft::detail {

// Whether the caller is a fiber: on a plain thread a blocking call is just made.
[[nodiscard]] bool blocks_elsewhere() noexcept;

// The fiber, until the call has ended. Throws `cancelled` if it was withdrawn, and system_error without a thread.
void wait_for_call(blocking_call& call);
// The same for one on the heap. When the fiber is cancelled the pool owns it from then on, or it is freed: `cancelled`.
void wait_or_abandon(std::unique_ptr<blocking_call>& call);

// A call in the frame of whoever waits for it.
template <class F, class R> class call_by_reference final : public blocking_call {
 public:
  call_by_reference(F&& what, std::source_location asked) noexcept
      : blocking_call(asked), what_(std::forward<F>(what)) {}
  result_slot<R> result;

 private:
  void call() noexcept override { result.fill_from(std::forward<F>(what_)); }

  F&& what_;
};

// A call that owns what it runs, and ends it where it ran.
template <class F, class R> class owning_call final : public blocking_call {
 public:
  template <class G>
  owning_call(G&& what, std::source_location asked) : blocking_call(asked), what_(std::forward<G>(what)) {}
  result_slot<R> result;

 private:
  void call() noexcept override { result.fill_from(std::move(what_)); }

  F what_;
};

}  // namespace weft::detail
