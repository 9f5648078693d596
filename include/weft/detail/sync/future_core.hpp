// SPDX-License-Identifier: BSL-1.0
// What a promise and its futures share, but for the value.
//
// Invariants
//  - The lot's word says: somebody sets the value or has set it (`taken`), it is there (`ready`), somebody is to be called
//    then (`has_calls`), a future was asked for (`retrieved`). Once ready it stays so.
//  - The value belongs to the one who took it until it is ready, and from then on to the future, or to the shared ones
//    together, who only look at it.
//  - Promise and futures have a reference each; a wait is covered by that of the future which waits.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>
#include <weft/base/deadline.hpp>
#include <weft/detail/base/counted_pointer.hpp>
#include <weft/detail/base/result_slot.hpp>
#include <weft/detail/sync/lot_rule.hpp>

namespace weft::detail {

// What on_ready() was given.
struct ready_call {
  virtual ~ready_call() = default;
  virtual void call() noexcept = 0;
  std::unique_ptr<ready_call> next;
};

template <class F> struct ready_call_of final : ready_call {
  template <class G> explicit ready_call_of(G&& from) : what(std::forward<G>(from)) {}
  void call() noexcept override { std::invoke(what); }
  F what;
};

class future_core {
 public:
  future_core() noexcept = default;
  future_core(const future_core&) = delete;
  future_core& operator=(const future_core&) = delete;

  void share() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }  // by one who has it
  void let_go() noexcept {
    // acq_rel: what others did with it happens before its end.
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  // --- The promise ---
  // True once. The caller fills the value, then publishes it; or gives back if that did not work out.
  [[nodiscard]] bool take() noexcept;
  void give_back() noexcept;
  // Wakes all that wait, then calls those that are to be called. Never parks, but for what these do.
  void publish() noexcept;
  // True once.
  [[nodiscard]] bool retrieve() noexcept;

  // --- The futures ---
  [[nodiscard]] bool is_ready() const noexcept { return lot_.look() & ready; }
  // A cancellation point. False: not by then.
  [[nodiscard]] bool wait_until(deadline until);
  // Now, if it is ready.
  void add_call(std::unique_ptr<ready_call> what) noexcept;

  // For who waits at several: the node is linked, unless it is ready; and unlinked, if it is still linked.
  [[nodiscard]] bool show(wait_node& node) noexcept;
  void withdraw(wait_node& node) noexcept;

  [[nodiscard]] parking_lot& lot() noexcept { return lot_; }
  static const lot_rule waiting;

 protected:
  virtual ~future_core() = default;

 private:
  static constexpr parking_lot::word taken = 1 << 2, ready = 1 << 3, has_calls = 1 << 4, retrieved = 1 << 5;

  [[nodiscard]] bool raise(parking_lot::word bit) noexcept;

  parking_lot lot_;
  std::atomic<std::uint32_t> references_{1};
  std::unique_ptr<ready_call> first_call_;  // under the lot's lock
  ready_call* last_call_ = nullptr;
};

template <class T> class future_state final : public future_core {
 public:
  result_slot<T> result;
};

template <class T> using future_pointer = counted_pointer<future_state<T>>;

struct future_access;  // from a handle to its core

[[noreturn, gnu::cold]] void throw_no_state();
[[noreturn, gnu::cold]] void throw_already_satisfied();
[[noreturn, gnu::cold]] void throw_already_retrieved();
[[nodiscard]] std::exception_ptr broken_promise_error();
// `cancelled` only ever means oneself: for whoever gets the future it becomes operation_canceled.
[[nodiscard]] std::exception_ptr as_seen_by_others(std::exception_ptr error);

}  // namespace weft::detail
