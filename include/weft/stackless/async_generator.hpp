// SPDX-License-Identifier: BSL-1.0
// async_generator<Out, In>: a coroutine that may both co_await and co_yield. Python's asynchronous generators.
//
//   weft::stackless::async_generator<std::string> lines(weft::net::tcp_stream& from);
//   ...
//   while (auto line = co_await all.next()) use(*line);      // Python's `async for`
#pragma once

#include <concepts>
#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <weft/base/error.hpp>
#include <weft/detail/stackless/generator_core.hpp>
#include <weft/detail/stackless/promise.hpp>

namespace weft::detail {

struct async_generator_core : promise_base {
  using state = generator_core::state;

  // Before the awaiter of a pull is made. Throws resource_deadlock_would_occur while another pull goes on.
  void require_idle() const;
  void require_begun() const;
  // After it: throws what left the body.
  void after_pull() {
    now = yielded ? state::suspended : state::ended;
    sent = nullptr;
    if (error) [[unlikely]]
      std::rethrow_exception(std::exchange(error, nullptr));
  }

  state now = state::created;
  void* yielded = nullptr;
  void* sent = nullptr;
  std::exception_ptr raised;
};

[[noreturn]] void throw_yielded_on_close();
[[noreturn, gnu::cold]] void die_of_pull() noexcept;

}  // namespace weft::detail

namespace weft::stackless {

// Owns the coroutine, whose body runs inside the co_await that pulls it, as a part of that task: its waits are the task's,
// its cancellation strikes there. Other tasks may pull it next, one at a time.
template <class Out, class In = void> class [[nodiscard]] async_generator {
  static_assert(std::is_object_v<Out> && !std::is_const_v<Out> && std::move_constructible<Out>,
                "what is yielded is a value that can be moved");
  static_assert(std::is_void_v<In> || std::is_object_v<In>, "what is sent is a value");
  using core = detail::async_generator_core;
  class pull;
  class closing;

 public:
  using value_type = Out;
  class promise_type;

  // Empty: like one that has ended.
  async_generator() noexcept = default;
  // What was moved from is empty. Also while a task pulls it, which gets its item all the same.
  async_generator(async_generator&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  async_generator& operator=(async_generator&& other) noexcept {
    if (this != &other) {
      drop();
      frame_ = std::exchange(other.frame_, nullptr);
    }
    return *this;
  }
  // Destroys what lives in the body; unlike close(), without running its handlers, which might have to wait. While a task
  // pulls it, and so from inside the body, it ends the program and says so.
  ~async_generator() { drop(); }

  // co_await: runs the body up to its next co_yield. What it yielded; empty when it has returned, or had before. Throws
  // what left the body, `cancelled` among it; it has ended then. resource_deadlock_would_occur when another task is
  // pulling it. Python's __anext__.
  [[nodiscard]] pull next() noexcept { return pull(*this); }

  // The same, and `value` is what the co_yield in which the body stands gives. invalid_argument when the body has not
  // begun. Gone when the body has ended or does not take it. Python's asend.
  template <class T = In>
  requires(!std::is_void_v<T>) [[nodiscard]] pull send(std::type_identity_t<T> value) {
    return pull(*this, std::move(value));
  }

  // The same, and the co_yield in which the body stands throws `error`. It comes out here if the body does not catch it,
  // has not begun or has ended. invalid_argument if it is null. Python's athrow.
  [[nodiscard]] pull raise(std::exception_ptr error) noexcept { return pull(*this, std::move(error)); }

  // co_await: the co_yield in which the body stands throws `generator_exit`, and the body runs to its end; it may wait on
  // its way. Nothing if it has not begun, or has ended. Throws what else leaves the body, and operation_not_permitted
  // when it yields instead. Python's aclose.
  [[nodiscard]] closing close() noexcept { return closing(*this); }

  // Whether the body has returned, or was left by an exception, or is not there.
  [[nodiscard]] bool ended() const noexcept { return !frame_ || frame_.promise().now == core::state::ended; }

 private:
  explicit async_generator(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}
  void drop() noexcept {
    if (!frame_) return;
    if (frame_.promise().now == core::state::running) [[unlikely]]
      detail::die_of_pull();
    frame_.destroy();
  }

  std::coroutine_handle<promise_type> frame_;
};

template <class Out, class In> class async_generator<Out, In>::promise_type : public core {
  class handing_out;
  class handing_out_copy;

 public:
  async_generator get_return_object() noexcept {
    return async_generator(std::coroutine_handle<promise_type>::from_promise(*this));
  }
  void return_void() const noexcept {}
  handing_out yield_value(Out&& value) noexcept { return handing_out(*this, std::addressof(value)); }
  handing_out_copy yield_value(const Out& value) requires std::copy_constructible<Out> {
    return handing_out_copy(*this, value);
  }
};

template <class Out, class In> class async_generator<Out, In>::promise_type::handing_out {
 public:
  handing_out(core& self, Out* value) noexcept : self_(self) { self.yielded = value; }
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<>) const noexcept {
    return transfer(*self_.self, self_.awaits_it);
  }
  auto await_resume() const {
    if (self_.raised) [[unlikely]]
      std::rethrow_exception(std::exchange(self_.raised, nullptr));
    if constexpr (!std::is_void_v<In>) {
      void* const from = std::exchange(self_.sent, nullptr);
      return from ? std::optional<In>(std::move(*static_cast<In*>(from))) : std::nullopt;
    }
  }

 private:
  core& self_;
};

template <class Out, class In>
class async_generator<Out, In>::promise_type::handing_out_copy : detail::copy_holder<Out>, public handing_out {
 public:
  handing_out_copy(core& self, const Out& value)
      : detail::copy_holder<Out>(value), handing_out(self, std::addressof(this->value_)) {}
  handing_out_copy(const handing_out_copy&) = delete;
  handing_out_copy& operator=(const handing_out_copy&) = delete;
};

// One turn of the body.
template <class Out, class In> class async_generator<Out, In>::pull {
  using sent_type = std::conditional_t<std::is_void_v<In>, char, In>;
  enum class how : std::uint8_t { next, send, raise };

 public:
  explicit pull(async_generator& of) noexcept : of_(of) {}
  pull(async_generator& of, sent_type&& value) : of_(of), how_(how::send), sent_(std::move(value)) {}
  pull(async_generator& of, std::exception_ptr error) noexcept : of_(of), how_(how::raise), error_(std::move(error)) {}

  class awaiting {
   public:
    awaiting(pull& what, detail::task_core& self) noexcept : what_(what), self_(self) {}
    [[nodiscard]] bool await_ready() {
      if (!what_.of_.frame_) {
        if (what_.how_ == how::raise) detail::raise_in_nothing(std::move(what_.error_));
        return true;
      }
      core& body = what_.of_.frame_.promise();
      body.require_idle();
      if (what_.how_ == how::send) body.require_begun();
      if (what_.how_ == how::raise && (!what_.error_ || body.now != core::state::suspended)) {
        if (what_.error_) body.now = core::state::ended;
        detail::raise_in_nothing(std::move(what_.error_));
      }
      return body.now == core::state::ended;
    }
    template <class Promise> std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> caller) noexcept {
      caller_ = &caller.promise();
      caller_->callee = &what_.of_.frame_.promise();
      core& body = what_.of_.frame_.promise();
      if (what_.how_ == how::send) body.sent = std::addressof(*what_.sent_);
      body.raised = std::move(what_.error_);
      body.yielded = nullptr;
      body.now = core::state::running;
      body.self = &self_;
      body.awaits_it = caller;
      return transfer(self_, what_.of_.frame_);
    }
    std::optional<Out> await_resume() {
      if (!caller_) return std::nullopt;
      core& body = static_cast<core&>(*std::exchange(caller_->callee, nullptr));  // its owner may be another one now
      body.after_pull();
      return body.yielded ? std::optional<Out>(std::move(*static_cast<Out*>(body.yielded))) : std::nullopt;
    }

   private:
    pull& what_;
    detail::task_core& self_;
    detail::promise_base* caller_ = nullptr;  // null: nothing was pulled
  };

  [[nodiscard]] awaiting awaited_by(detail::task_core& self) noexcept { return awaiting(*this, self); }

 private:
  async_generator& of_;
  how how_ = how::next;
  std::exception_ptr error_;
  std::optional<sent_type> sent_;
};

template <class Out, class In> class async_generator<Out, In>::closing {
 public:
  explicit closing(async_generator& of) noexcept : of_(of), exit_(of, std::make_exception_ptr(generator_exit{})) {}

  class awaiting : pull::awaiting {
   public:
    awaiting(closing& what, detail::task_core& self) noexcept : pull::awaiting(what.exit_, self), of_(what.of_) {}
    [[nodiscard]] bool await_ready() {
      if (of_.frame_) {
        core& body = of_.frame_.promise();
        body.require_idle();
        if (body.now == core::state::created) body.now = core::state::ended;
      }
      return of_.ended();
    }
    using pull::awaiting::await_suspend;
    void await_resume() {
      try {
        if (pull::awaiting::await_resume()) detail::throw_yielded_on_close();
      } catch (const generator_exit&) {
      }
    }

   private:
    async_generator& of_;
  };

  [[nodiscard]] awaiting awaited_by(detail::task_core& self) noexcept { return awaiting(*this, self); }

 private:
  async_generator& of_;
  pull exit_;
};

}  // namespace weft::stackless
