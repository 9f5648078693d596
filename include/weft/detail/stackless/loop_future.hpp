// SPDX-License-Identifier: BSL-1.0
// What all copies of a future share: its state, who waits, and what is to be called when it is done.
//
// Invariants
//  - The state goes from pending to cancelled or finished, once; between, it may be `settling`, while the one thread that
//    has won it puts the value in its place, under no lock.
//  - Waiters, callbacks and the driver are under `lock_`, and there are none any more when it is done.
//  - A callback does not refer to the future before it is scheduled: one that never comes would keep both for ever.
//  - One that is a foreign loop's is called by whoever settles the future: the future's own loop may not run, or be closed.
//
// asyncio's futures belong to one thread; these may be settled, awaited and dropped by any: a task of another worker, a
// fiber, a plain thread. The callbacks run on the loop that the future was made for.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>
#include <weft/detail/base/counted_pointer.hpp>
#include <weft/detail/base/spin_lock.hpp>
#include <weft/detail/run/wait_queue.hpp>
#include <weft/detail/stackless/loop_calls.hpp>
#include <weft/detail/stackless/operation.hpp>
#include <weft/detail/stackless/task_core.hpp>

namespace weft::detail {

class loop_future;

// What add_done_callback() makes.
class done_callback : public callback {
 public:
  using callback::callback;
  counted_pointer<loop_future> of;  // from when it is scheduled
  bool is_foreign = false;          // weft's own, which may be called anywhere: by whoever settles the future
};

class loop_future {
 public:
  enum class state : std::uint8_t { pending, settling, cancelled, finished };

  explicit loop_future(loop_core& on) noexcept;
  loop_future(const loop_future&) = delete;
  loop_future& operator=(const loop_future&) = delete;

  void share() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }  // by one who has it
  void let_go() noexcept {
    // acq_rel: what the others did with it is done before it ends.
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }
  // acquire: what those did with it who have let it go is done.
  [[nodiscard]] bool is_shared_beyond(unsigned own) const noexcept {
    return references_.load(std::memory_order_acquire) > own;
  }

  // Any thread.
  [[nodiscard]] state now() const noexcept { return state_.load(std::memory_order_acquire); }  // pairs with `finish`
  [[nodiscard]] bool is_done() const noexcept { return now() >= state::cancelled; }
  [[nodiscard]] loop_core& loop() const noexcept { return *loop_; }
  // False: it is done already. What a task drives is only asked to end.
  virtual bool cancel() noexcept;
  // The same by the cancellation of a task that waits for it: that of this number, which its own may have heard of.
  virtual bool hand_on(std::uint64_t) noexcept { return cancel(); }
  // Throws invalid_state unless it is pending.
  void fail(std::exception_ptr what);
  bool try_fail(std::exception_ptr what) noexcept;  // false: it was settled before
  // Throws what there is to throw: invalid_state while it is pending, operation_canceled, its exception.
  void require_result();
  // Throws the first two only.
  [[nodiscard]] std::exception_ptr exception();
  // Settled from outside: refused by one that a task settles.
  virtual void require_settling();
  [[nodiscard]] virtual bool is_driven_by(const task_core&) const noexcept { return false; }

  [[nodiscard]] std::uint64_t add(counted_pointer<done_callback> what);
  // For what waits on the running loop: one of another loop's does not wait for that.
  [[nodiscard]] std::uint64_t add_watch(counted_pointer<done_callback> what);
  bool remove(std::uint64_t callback) noexcept;

  // The waiter's node is shown unless it is done. [claim-2]
  [[nodiscard]] bool show(wait_node& node) noexcept;
  void withdraw(wait_node& node) noexcept;

  [[nodiscard]] bool has_failed() const noexcept { return now() == state::finished && error_; }
  // Nobody need retrieve its exception.
  void forget_exception() noexcept { unretrieved_.store(false, std::memory_order_relaxed); }

 protected:
  virtual ~loop_future();
  // Whether the caller is who settles it; then `finish` or `give_back` follows.
  [[nodiscard]] bool begin_settling() noexcept;
  void give_back() noexcept;
  void finish(state as) noexcept;

  [[nodiscard]] spin_lock& lock() noexcept { return lock_; }
  // Finished with that, or cancelled. The caller has won the settling.
  void finish_failed(std::exception_ptr what) noexcept;

 private:
  // When it is done. False: the loop is closed, and it will not be called.
  [[nodiscard]] bool tell(done_callback& what) noexcept;

  std::exception_ptr error_;
  std::atomic<unsigned> references_{1};
  std::atomic<state> state_{state::pending};
  std::atomic<bool> unretrieved_{false};  // relaxed: only asked by the last one who has it
  loop_core* const loop_;
  spin_lock lock_;
  wait_queue waiters_;
  std::uint64_t last_number_ = 0;
  struct entry {
    std::uint64_t number;
    counted_pointer<done_callback> what;
  };
  std::vector<entry> callbacks_;
};

template <class T> class loop_future_of : public loop_future {
  using kept = std::conditional_t<std::is_void_v<T>, std::monostate,
                                  std::conditional_t<std::is_reference_v<T>, std::remove_reference_t<T>*, T>>;

 public:
  using loop_future::loop_future;

  template <class... Args> void set(Args&&... args) {
    this->require_settling();
    place(std::forward<Args>(args)...);
  }
  // False: it was cancelled, or set by another.
  template <class... Args> bool try_set(Args&&... args) {
    if (!begin_settling()) return false;
    place(std::forward<Args>(args)...);
    return true;
  }
  // When it is finished.
  [[nodiscard]] kept& value() noexcept { return *value_; }

 protected:
  template <class... Args> void place(Args&&... args) {
    try {
      if constexpr (std::is_reference_v<T>)
        value_.emplace(std::addressof(args)...);
      else
        value_.emplace(std::forward<Args>(args)...);
    } catch (...) {
      give_back();
      throw;
    }
    finish(state::finished);
  }

 private:
  std::optional<kept> value_;
};

// co_await of a future. A cancellation of the task that waits is handed on to the future, as in asyncio, and the task
// goes on when that is done.
class future_await : public operation {
 public:
  // Throws resource_deadlock_would_occur if that is the task's own.
  // `alone`: a cancellation is not handed on, and ends the co_await at once.
  future_await(loop_future& what, task_core& self, bool alone);

 protected:
  // Done: throws `cancelled` if that is what came of the task's own cancellation, else like `require_result`.
  void require_result();
  [[nodiscard]] loop_future& what() const noexcept { return what_; }

 private:
  static bool proceed(operation& self) noexcept;
  [[nodiscard]] bool advance() noexcept;

  loop_future& what_;
  task_wait wait_;
  const bool alone_;
  bool waiting_ = false;
  bool struck_ = false;     // by a cancellation that went no further
  bool handed_on_ = false;  // to the future
};

}  // namespace weft::detail
