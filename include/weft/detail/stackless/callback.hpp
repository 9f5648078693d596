// SPDX-License-Identifier: BSL-1.0
// A function that an event loop is to call: a runnable with a closure, in the same run queue as the tasks.
//
// Invariants
//  - It is counted: by the loop from when it is scheduled until it has been called or dropped, and by its handles.
//  - The closure belongs to the loop's worker from then on, and ends there; so a handle on another thread only marks it,
//    and so does one in the closure itself while that is called.
#pragma once

#include <atomic>
#include <concepts>
#include <functional>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>
#include <weft/detail/base/counted_pointer.hpp>
#include <weft/detail/run/runnable.hpp>
#include <weft/detail/run/timer_node.hpp>
#include <weft/detail/sched/context_place.hpp>

namespace weft::detail {

class loop_core;

class callback : public runnable {
 public:
  explicit callback(std::source_location asked) noexcept;

  void share() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }  // by one who has it
  void let_go() noexcept {
    // acq_rel: what the others did with it is done before it ends.
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  // On the loop's worker.
  virtual void call() = 0;
  virtual void clear() noexcept = 0;  // ends the closure; again and again

  // relaxed: it says nothing of anything else.
  void mark_cancelled() noexcept { cancelled_.store(true, std::memory_order_relaxed); }
  [[nodiscard]] bool is_cancelled() const noexcept { return cancelled_.load(std::memory_order_relaxed); }

  loop_core* loop = nullptr;  // from when it is scheduled
  context_place context;      // of whoever scheduled it
  bool is_called = false;     // now, or has been; of the loop's worker
  bool in_any_case = false;   // also while the loop ends: a task that is unwound may wait for what it does
  const std::source_location where;

 protected:
  virtual ~callback();

 private:
  std::atomic<unsigned> references_{1};
  std::atomic<bool> cancelled_{false};
};

// One that is to be called at a time. All but `callback` belongs to the loop's worker.
class timed_callback : public callback, public timer_node {
 public:
  timed_callback(std::source_location asked, std::int64_t when) noexcept;

  timed_callback* prev_timed = nullptr;  // of the loop's timers
  timed_callback* next_timed = nullptr;
  bool queued = false;
};

// `Base` is one of the two.
template <class Base, class F> class callback_of final : public Base {
 public:
  template <class G, class... Rest>
  explicit callback_of(G&& what, std::source_location asked,
                       Rest... rest) noexcept(std::is_nothrow_constructible_v<F, G>)
      : Base(asked, rest...), what_(std::in_place, std::forward<G>(what)) {}

  void call() override { std::invoke(std::move(*what_)); }
  void clear() noexcept override { what_.reset(); }

 private:
  std::optional<F> what_;
};

template <class Base = callback, class F, class... Rest>
[[nodiscard]] counted_pointer<Base> make_callback(F&& what, std::source_location asked, Rest... rest) {
  return counted_pointer<Base>(new callback_of<Base, std::decay_t<F>>(std::forward<F>(what), asked, rest...));
}

// `f` with its arguments, as Python's call_soon(f, *args).
template <class F, class... Args> auto bound(F&& f, Args&&... args) {
  if constexpr (sizeof...(Args) == 0)
    return std::decay_t<F>(std::forward<F>(f));
  else
    return [what = std::bind_front(std::forward<F>(f), std::forward<Args>(args)...)]() mutable { std::move(what)(); };
}

}  // namespace weft::detail
