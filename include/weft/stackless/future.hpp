// SPDX-License-Identifier: BSL-1.0
// future<T>: what somebody will have a result or an exception for. asyncio's Future.
#pragma once

#include <concepts>
#include <coroutine>
#include <exception>
#include <source_location>
#include <type_traits>
#include <utility>
#include <weft/detail/base/copies.hpp>
#include <weft/detail/stackless/loop_future.hpp>
#include <weft/stackless/error.hpp>

namespace weft::stackless {

class event_loop;

// A future without its type. Copies are the same future: pending, then cancelled or finished, for good. Unlike asyncio's
// it may be used from any thread.
class any_future {
 public:
  // Without a future: every function throws invalid_state.
  any_future() noexcept = default;
  explicit any_future(detail::counted_pointer<detail::loop_future> core) noexcept : core_(std::move(core)) {}

  [[nodiscard]] explicit operator bool() const noexcept { return bool(core_); }
  // Cancelled or finished.
  [[nodiscard]] bool done() const { return core().is_done(); }
  [[nodiscard]] bool cancelled() const { return core().now() == detail::loop_future::state::cancelled; }
  // What it failed with, null if it has a result. Throws invalid_state while it is pending, and std::system_error
  // (operation_canceled) when it was cancelled. That somebody asked counts as retrieved.
  [[nodiscard]] std::exception_ptr exception() const { return core().exception(); }
  // Cancels it; false when it is done already. One that drives a task asks the task to end, and is done when that is.
  bool cancel() const { return core().cancel(); }
  // Which it may outlive: not once that has been destroyed.
  [[nodiscard]] event_loop& get_loop() const;

  // `f()` or `f(any_future)` will be called by the future's loop when this is done, soon if it is: never from here. In the
  // order in which they were added. What to give to remove_done_callback; 0 if it is scheduled already. loop_error when it
  // is done and the loop is closed.
  template <class F>
  std::uint64_t add_done_callback(F&& f, std::source_location where = std::source_location::current()) const;
  // Whether it was there, and will not be called.
  bool remove_done_callback(std::uint64_t which) const { return core().remove(which); }
  // For what is built on futures: one that is called also while the loop is being closed.
  template <class F>
  std::uint64_t add_callback_in_any_case(F&& f, std::source_location where = std::source_location::current()) const {
    const auto made = make_done_callback<any_future>(std::forward<F>(f), where);
    made->in_any_case = true;
    return core().add(made);
  }

  // The same for one that waits on the running loop, which need not be the future's: then it may be called by whoever makes
  // it done, or from here, and must not throw. Throws loop_error when none is running.
  template <class F>
  std::uint64_t add_watch(F&& f, std::source_location where = std::source_location::current()) const {
    return core().add_watch(make_done_callback<any_future>(std::forward<F>(f), where));
  }

  [[nodiscard]] friend bool operator==(const any_future& a, const any_future& b) noexcept {
    return a.core_.get() == b.core_.get();
  }
  // For what is built on futures.
  [[nodiscard]] detail::loop_future& core() const {
    if (!core_) [[unlikely]]
      detail::throw_invalid_state("weft::stackless: no future (made empty, or moved from)");
    return *core_;
  }

 protected:
  template <class Future, class F>
  [[nodiscard]] static detail::counted_pointer<detail::done_callback> make_done_callback(F&& f,
                                                                                         std::source_location where);

 private:
  detail::counted_pointer<detail::loop_future> core_;
};

// `co_await f` waits until it is done and gives the result, or throws what it failed with, or operation_canceled if it
// was cancelled. Behind a name that is `const T&`; an rvalue gives T, moved out unless others have the future, too (then
// copied: a class that cannot be, for its members, but does not say so, has to delete its copy constructor). A
// task that is cancelled in a co_await cancels the future (asyncio does; shield() prevents it) and throws `cancelled`
// when that is cancelled. Destroyed by the last who has it with an exception that nobody retrieved, it tells the loop's
// exception handler.
template <class T = void> class future : public any_future {
  static_assert(!std::is_rvalue_reference_v<T> && !std::is_const_v<T>);
  using core_type = detail::loop_future_of<T>;

 public:
  using result_type = T;

  // Pending, of the running loop. Throws loop_error when none is running.
  future() : future(detail::running_loop()) {}
  // Pending, of that loop, which need not run.
  explicit future(event_loop& on);
  explicit future(detail::loop_core& on)
      : any_future(detail::counted_pointer<detail::loop_future>(new core_type(on))) {}
  explicit future(detail::counted_pointer<detail::loop_future> core) noexcept : any_future(std::move(core)) {}

  // Throws invalid_state when it is done already, or drives a task.
  template <class U = T>
  requires(!std::is_void_v<T> && std::constructible_from<T, U>) void set_result(U&& value) const {
    own().set(std::forward<U>(value));
  }
  void set_result() const requires std::is_void_v<T> { own().set(); }
  // The same. invalid_argument for a null one.
  void set_exception(std::exception_ptr error) const { core().fail(std::move(error)); }
  template <class Error>
  requires(!std::convertible_to<Error, std::exception_ptr>) void set_exception(Error&& error) const {
    core().fail(std::make_exception_ptr(std::forward<Error>(error)));
  }

  // As any_future's, and `f(future<T>)` may ask for the result.
  template <class F>
  std::uint64_t add_done_callback(F&& f, std::source_location where = std::source_location::current()) const {
    return core().add(make_done_callback<future>(std::forward<F>(f), where));
  }

  // Throws what exception() would give or throw.
  std::conditional_t<std::is_void_v<T>, void, std::add_lvalue_reference_t<std::add_const_t<T>>> result() const {
    core().require_result();
    return value();
  }

  // The result moved out of the future, or copied if others have it, too. Throws like result().
  [[nodiscard]] T take_result() && requires std::is_object_v<T> {
    core().require_result();
    return taken(1);
  }
  T take_result() && requires(!std::is_object_v<T>) { return result(); }

  // For co_await.
  [[nodiscard]] auto awaited_by(detail::task_core& self) const& { return awaiting<false>(*this, self, false); }
  [[nodiscard]] auto awaited_by(detail::task_core& self) && { return awaiting<true>(*this, self, false); }
  // For that of shield().
  [[nodiscard]] auto awaited_alone_by(detail::task_core& self) && { return awaiting<true>(*this, self, true); }

 private:
  template <bool takes> class awaiting : public detail::future_await {
   public:
    awaiting(const future& whom, detail::task_core& self, bool alone)
        : future_await(whom.core(), self, alone), whom_(whom) {}
    decltype(auto) await_resume() {
      require_result();
      if constexpr (takes && std::is_object_v<T>)
        return whom_.taken(2);  // the caller's, and this one
      else
        return whom_.value();
    }

   private:
    const future whom_;
  };

  [[nodiscard]] core_type& own() const { return static_cast<core_type&>(core()); }
  std::conditional_t<std::is_void_v<T>, void, std::add_lvalue_reference_t<std::add_const_t<T>>> value() const {
    if constexpr (std::is_reference_v<T>)
      return *own().value();
    else if constexpr (!std::is_void_v<T>)
      return own().value();
  }
  [[nodiscard]] T taken(unsigned known) const requires std::is_object_v<T> {
    if constexpr (detail::copies<T>) {
      if (own().is_shared_beyond(known)) return own().value();
    }
    return std::move(own().value());
  }
};

template <class F> std::uint64_t any_future::add_done_callback(F&& f, std::source_location where) const {
  return core().add(make_done_callback<any_future>(std::forward<F>(f), where));
}

template <class Future, class F>
detail::counted_pointer<detail::done_callback> any_future::make_done_callback(F&& f, std::source_location where) {
  class calling final : public detail::done_callback {
   public:
    calling(F&& what, std::source_location asked) : done_callback(asked), what_(std::in_place, std::forward<F>(what)) {}
    void call() override {
      if constexpr (std::invocable<std::decay_t<F>&, Future>)
        std::invoke(*what_, Future(of));
      else
        std::invoke(*what_);
    }
    void clear() noexcept override {
      what_.reset();
      of = {};
    }

   private:
    std::optional<std::decay_t<F>> what_;
  };
  return detail::counted_pointer<detail::done_callback>(new calling(std::forward<F>(f), where));
}

}  // namespace weft::stackless
