// SPDX-License-Identifier: BSL-1.0
// The promises of generators: what co_yield does in them, and what it gives.
#pragma once

#include <concepts>
#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>
#include <weft/detail/stackless/generator_core.hpp>
#include <weft/stackless/elements_of.hpp>

namespace weft::stackless {
template <class Out, class In, class Return> class generator;
}

namespace weft::detail {

template <class Out, class In, class Return> class generator_promise;

// What one co_yield is: the value stays where it was made, or is copied into this.
template <class In> class handing_out {
 public:
  handing_out(generator_core& self, void* value) noexcept : self_(self) { self.hand_out(value); }
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  auto await_resume() const {
    self_.rethrow_raised();
    if constexpr (!std::is_void_v<In>) {
      void* const from = std::exchange(self_.root->sent, nullptr);
      return from ? std::optional<In>(std::move(*static_cast<In*>(from))) : std::nullopt;
    }
  }

 private:
  generator_core& self_;
};

template <class Out, class In> class handing_out_copy : copy_holder<Out>, public handing_out<In> {
 public:
  handing_out_copy(generator_core& self, const Out& value)
      : copy_holder<Out>(value), handing_out<In>(self, std::addressof(this->value_)) {}
  handing_out_copy(const handing_out_copy&) = delete;
  handing_out_copy& operator=(const handing_out_copy&) = delete;
};

// co_yield elements_of(another generator): gives what that returned. The other one may move meanwhile, its coroutine does
// not.
template <class Out, class In, class Return> class delegation {
 public:
  delegation(generator_core& self, stackless::generator<Out, In, Return>& to) noexcept
      : self_(self), to_(promise_in(to)) {}
  // One that is kept here.
  delegation(generator_core& self, stackless::generator<Out, In, Return>&& to) noexcept
      : self_(self), kept_(std::move(to)), to_(promise_in(kept_)) {}
  delegation(const delegation&) = delete;
  delegation& operator=(const delegation&) = delete;
  ~delegation() {
    if (!to_) return;
    if (self_.lost_kept)
      kept_.frame_ = nullptr;
    else
      self_.leave_delegation(*to_);
  }

  [[nodiscard]] bool await_ready() const { return !to_ || !self_.can_delegate_to(*to_); }
  void await_suspend(std::coroutine_handle<>) const noexcept { self_.delegate_to(*to_, bool(kept_.frame_)); }
  Return await_resume() {
    promise* const ended = std::exchange(to_, nullptr);
    if (ended) self_.after_delegation(*ended);
    if constexpr (!std::is_void_v<Return>) {
      if (!ended || !ended->result) throw_no_generator_result();
      return std::move(*ended->result);
    }
  }

 private:
  using promise = generator_promise<Out, In, Return>;
  [[nodiscard]] static promise* promise_in(const stackless::generator<Out, In, Return>& of) noexcept {
    return of.frame_ ? std::addressof(of.frame_.promise()) : nullptr;
  }

  generator_core& self_;
  stackless::generator<Out, In, Return> kept_;
  promise* to_;  // null when that has ended
};

template <class Return> class generator_result {
 public:
  template <class U = Return>
  requires std::constructible_from<Return, U>
  void return_value(U&& value) { result.emplace(std::forward<U>(value)); }
  std::optional<Return> result;
};
template <> class generator_result<void> {
 public:
  void return_void() const noexcept {}
};

template <class Out, class In, class Return>
class generator_promise : public generator_core, public generator_result<Return> {
 public:
  class at_end {
   public:
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise> void await_suspend(std::coroutine_handle<Promise> frame) const noexcept {
      frame.promise().end();
    }
    void await_resume() const noexcept {}
  };

  std::suspend_always initial_suspend() const noexcept { return {}; }
  at_end final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { error = std::current_exception(); }

  handing_out<In> yield_value(Out&& value) noexcept { return {*this, std::addressof(value)}; }
  handing_out_copy<Out, In> yield_value(const Out& value) requires std::copy_constructible<Out> {
    return {*this, value};
  }

  // Python's `yield from`: hands out all that the other one yields, gives it all that is sent and raised, closes it when
  // this one is closed.
  template <class Inner>
  delegation<Out, In, Inner> yield_value(stackless::elements_of<stackless::generator<Out, In, Inner>&> to) noexcept {
    return {*this, to.get()};
  }
  template <class Inner>
  delegation<Out, In, Inner> yield_value(stackless::elements_of<stackless::generator<Out, In, Inner>> to) noexcept {
    return {*this, std::move(to.get())};
  }
  // The same for anything to loop over; what is sent goes nowhere.
  template <std::ranges::input_range Range>
  requires std::constructible_from<Out, std::ranges::range_reference_t<Range>> delegation<Out, In, void> yield_value(
      stackless::elements_of<Range> values) {
    auto&& range = values.get();
    return {*this, loop_over(range)};
  }

  template <class Awaited> void await_transform(Awaited&&) const noexcept {
    static_assert(sizeof(Awaited) == 0, "weft::stackless: a generator may not co_await; an async_generator may");
  }

 private:
  template <class Range> static stackless::generator<Out, In, void> loop_over(Range& values) {
    for (auto&& value : values) co_yield Out(std::forward<decltype(value)>(value));
  }
};

}  // namespace weft::detail
