// SPDX-License-Identifier: BSL-1.0
// fiber<T>: the handle of a spawned fiber, like std::jthread with a result; spawn() and go().
#pragma once

#include <source_location>
#include <string_view>
#include <type_traits>
#include <utility>
#include <weft/base/deadline.hpp>
#include <weft/base/error.hpp>
#include <weft/detail/context/crossing.hpp>
#include <weft/detail/fiber/launch.hpp>
#include <weft/fiber/fiber_id.hpp>
#include <weft/fiber/fiber_ref.hpp>
#include <weft/fiber/spawn_options.hpp>

namespace weft {

namespace detail {

// The handle without its type. Not joined: cancels, then joins, when destroyed.
class fiber_handle {
 public:
  fiber_handle() noexcept = default;
  explicit fiber_handle(fiber_core& core) noexcept : core_(&core) {}
  fiber_handle(fiber_handle&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
  fiber_handle& operator=(fiber_handle&& other) noexcept {
    if (this != &other) {
      if (core_) drop();
      core_ = std::exchange(other.core_, nullptr);
    }
    return *this;
  }
  ~fiber_handle() {
    if (core_) drop();
  }

  [[nodiscard]] bool joinable() const noexcept { return core_ != nullptr; }
  // Waits for the end. Throws std::system_error (invalid_argument: no fiber, or joined already;
  // resource_deadlock_would_occur: oneself) and `cancelled`, and then stays joinable.
  void wait() {
    if (has_ended()) return wait_ended();
    cross(begin_join());
    end_wait();
  }
  // `wait`, and the end of the handle: for fibers without a result.
  void join() {
    if (has_ended()) return join_ended();
    cross(begin_join());
    end_join();
  }
  [[nodiscard]] bool wait_until(deadline until);
  // After `wait`: gives the block back when the caller has taken the result; throws what the fiber threw.
  [[noreturn]] void raise();
  [[nodiscard]] fiber_core* core() const noexcept { return core_; }
  void release() noexcept;
  void detach();
  void cancel() const;
  [[nodiscard]] bool done() const;
  [[nodiscard]] fiber_id id() const noexcept;
  [[nodiscard]] std::string_view name() const noexcept;

 private:
  // As the last of many children mostly have when their turn to be joined comes. A join is a cancellation point even so.
  [[nodiscard]] bool has_ended() const noexcept { return core_ && core_->end.has_ended(); }
  void wait_ended();
  void join_ended();
  // The first half of a join, the switch to whoever runs meanwhile behind it; and the second half, without and with the
  // end of the handle.
  [[nodiscard]] crossing begin_join();
  crossing join_slowly();
  void end_wait();
  void end_join();
  // All but the usual case.
  void wait_otherwise();
  void end_join_slowly();
  void drop() noexcept;

  fiber_core* core_ = nullptr;
};

struct fiber_access;  // from a fiber's handle to its core

}  // namespace detail

template <class T = void> class [[nodiscard]] fiber {
 public:
  fiber() noexcept = default;
  explicit fiber(detail::fiber_core& core) noexcept : handle_(core) {}
  fiber(fiber&&) noexcept = default;
  fiber& operator=(fiber&&) noexcept = default;
  // Not joined and not detached: cancels the fiber and waits for its end, shielded from the caller's own cancellation.
  // What it threw goes the way of a go() fiber's, or to stderr when the runtime is gone. A fiber that destroys its own
  // handle detaches it. Whoever holds what the fiber needs to end, a mutex for example, waits for ever, as with
  // std::jthread; dump() shows what each of the two waits for.
  ~fiber() = default;

  // Waits for the end and returns the result, or throws what the fiber threw; the handle is empty then. A fiber that
  // ended by cancellation: std::system_error (operation_canceled). Parks a fiber, blocks a plain thread. Throws
  // `cancelled` if the caller is cancelled, invalid_argument without a fiber or while somebody else joins it,
  // resource_deadlock_would_occur on oneself: the handle stays joinable.
  T join() {
    if constexpr (std::is_void_v<T>) {
      handle_.join();
    } else {
      handle_.wait();
      detail::fiber_core& core = *handle_.core();
      if (core.how != detail::fate::returned) [[unlikely]]
        handle_.raise();
      const struct giver {
        detail::fiber_handle& handle;
        ~giver() { handle.release(); }
      } guard{handle_};
      return detail::take_result<T>(core);
    }
  }
  // Only waits: true when it has ended by then. Never rethrows, never consumes. May throw like join() before the wait.
  [[nodiscard]] bool join_until(deadline until) { return handle_.wait_until(until); }
  // Whether it has ended. Never parks. invalid_argument without a fiber.
  [[nodiscard]] bool done() const { return handle_.done(); }
  [[nodiscard]] bool joinable() const noexcept { return handle_.joinable(); }
  // Asks it to end; does not wait. Any thread. invalid_argument without a fiber.
  void cancel() { handle_.cancel(); }
  // Lets it go on without a handle: what it throws goes the way of a go() fiber's. invalid_argument without a fiber.
  void detach() && { handle_.detach(); }
  [[nodiscard]] fiber_id id() const noexcept { return handle_.id(); }
  // Valid while the handle is.
  [[nodiscard]] std::string_view name() const noexcept { return handle_.name(); }
  void swap(fiber& other) noexcept {
    fiber held(std::move(other));
    other = std::move(*this);
    *this = std::move(held);
  }
  friend void swap(fiber& a, fiber& b) noexcept { a.swap(b); }
  [[nodiscard]] fiber_ref ref() const noexcept { return {handle_.core(), id()}; }

 private:
  friend struct detail::fiber_access;
  detail::fiber_handle handle_;
};

namespace detail {

template <class F>
auto launch_owned(const parentage& whose, const spawn_options* with, F&& body, std::source_location where) {
  fiber_core& core = launch(whose, with, std::forward<F>(body), where);
  fiber<result_of_body<F>> handle(core);
  start(core);
  return handle;
}

}  // namespace detail

// Starts a fiber that runs `body`. It is owned by its handle, inherits the caller's effective deadline, and is cancelled
// with the runtime. Fiber or task. Never parks. Throws std::system_error (operation_not_permitted outside a runtime,
// not_enough_memory, what spawn_options say wrong) and what copying the body throws.
//
// A fiber gets its stack when it first runs. If there is none then, it waits until one comes back (address space, memory
// or vm.max_map_count are used up), and as long as it does, spawn() throws not_enough_memory and says why. If no fiber
// has a stack, so that none will come back, those that wait fail with that error.
template <class F> auto spawn(F&& body, std::source_location where = std::source_location::current()) {
  using payload = detail::payload_of<F>;
  if constexpr (detail::fiber_core::fits(sizeof(payload), alignof(payload))) {
    detail::fiber_core& core = detail::new_usual_fiber(where);
    detail::fill(core, std::forward<F>(body));
    detail::start_usual(core);
    return fiber<detail::result_of_body<F>>(core);
  } else {
    return detail::launch_owned({}, nullptr, std::forward<F>(body), where);
  }
}
template <class F>
auto spawn(const spawn_options& with, F&& body, std::source_location where = std::source_location::current()) {
  return detail::launch_owned({}, &with, std::forward<F>(body), where);
}

// Starts a fiber that nobody joins, without a deadline. An exception that leaves it ends the runtime and comes out of
// run(), unless options::on_unhandled is set; `cancelled` is no error. Fiber or task. Never parks. Throws like spawn().
template <class F> void go(F&& body, std::source_location where = std::source_location::current()) {
  detail::start(detail::launch({.detached = true, .inherits_deadline = false}, nullptr, std::forward<F>(body), where));
}
template <class F>
void go(const spawn_options& with, F&& body, std::source_location where = std::source_location::current()) {
  detail::start(detail::launch({.detached = true, .inherits_deadline = false}, &with, std::forward<F>(body), where));
}

}  // namespace weft
