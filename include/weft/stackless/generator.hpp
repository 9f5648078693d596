// SPDX-License-Identifier: BSL-1.0
// generator<Out, In, Return>: a coroutine that hands out values one at a time with co_yield. No runtime needed.
//
//   weft::stackless::generator<int, int> jumping_range(int up_to) {
//     for (int index = 0; index < up_to;) {
//       const std::optional<int> jump = co_yield index;
//       index += jump.value_or(1);
//     }
//   }
//
// Python's generators: next(), send(), throw() (here raise()), close() and `yield from` (here co_yield elements_of(...)).
// The body runs inside the call that pulls it, on the caller's stack; it may not co_await. A pull costs a few nanoseconds,
// also through a chain of delegations; making one takes a frame, as a rule one that has ended on this thread.
#pragma once

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>
#include <weft/detail/stackless/generator_promise.hpp>
#include <weft/stackless/elements_of.hpp>

namespace weft::stackless {

// Owns the coroutine. May be handed from thread to thread between two pulls.
template <class Out, class In = void, class Return = void>
class [[nodiscard]] generator : public std::ranges::view_base {
  static_assert(std::is_object_v<Out> && !std::is_const_v<Out> && std::move_constructible<Out>,
                "what is yielded is a value that can be moved");
  static_assert(std::is_void_v<In> || std::is_object_v<In>, "what is sent is a value");
  static_assert(std::is_void_v<Return> || std::is_object_v<Return>, "what the body returns is a value");

 public:
  using value_type = Out;
  class promise_type : public detail::generator_promise<Out, In, Return> {
   public:
    generator get_return_object() noexcept {
      const auto self = std::coroutine_handle<promise_type>::from_promise(*this);
      this->frame = self;
      return generator(self);
    }
  };
  class iterator;

  // Empty: like one that has ended.
  generator() noexcept = default;
  // What was moved from is empty. Also between pulls of a body that has begun.
  generator(generator&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  generator& operator=(generator&& other) noexcept {
    if (this != &other) {
      drop();
      frame_ = std::exchange(other.frame_, nullptr);
    }
    return *this;
  }
  // Destroys what lives in the body; unlike close(), without running its handlers. Not from inside the body, nor while
  // another generator delegates to this one.
  ~generator() { drop(); }

  // Runs the body up to its next co_yield. What it yielded, moved out; empty when it has returned, or had before. Throws
  // what left the body, which has ended then. resource_deadlock_would_occur when the body runs already.
  std::optional<Out> next() {
    if (!frame_) return std::nullopt;
    core().pull();
    return take();
  }

  // The same, and `value` is what the co_yield in which the body stands gives. invalid_argument when the body has not
  // begun, and so stands in none: call next() first. Gone when the body has ended or does not take it.
  template <class T = In>
  requires(!std::is_void_v<T>) std::optional<Out> send(std::type_identity_t<T> value) {
    if (!frame_) return std::nullopt;
    core().require_begun();
    core().sent = std::addressof(value);
    core().pull();
    return take();
  }

  // The same, and the co_yield in which the body stands throws `error`. It comes out here if the body does not catch it,
  // has not begun or has ended. invalid_argument if it is null. Where it delegates, the other one's co_yield does; also
  // `generator_exit`, where Python throws that in both.
  std::optional<Out> raise(std::exception_ptr error) {
    if (!frame_) detail::raise_in_nothing(std::move(error));
    core().raise(std::move(error));
    return take();
  }

  // The co_yield in which the body stands throws `generator_exit`, in all that delegate to one another, innermost first;
  // nothing if it has not begun, or has ended. Throws what else leaves the body, operation_not_permitted when it yields
  // instead of ending (those that delegate to the one that does are not told of that, and all stand there), and
  // resource_deadlock_would_occur like next().
  void close() {
    if (frame_) core().close();
  }

  // Whether the body has returned, or was left by an exception, or is not there. Never runs the body: one that stands in
  // its last co_yield has not ended.
  [[nodiscard]] bool ended() const noexcept {
    return !frame_ || frame_.promise().now == detail::generator_core::state::ended;
  }

  // What the body returned. invalid_argument before it has, or if it did not.
  template <class T = Return>
  requires(!std::is_void_v<T>) [[nodiscard]] T& result() {
    if (!frame_ || !frame_.promise().result) detail::throw_no_generator_result();
    return *frame_.promise().result;
  }

  // A loop goes on where the generator is: it begins with the next item, and when it is left early the rest is there for
  // the next loop or next(). Runs the body; throws like next(). *iterator is the body's own object, valid until the next
  // pull, and may be moved from.
  [[nodiscard]] iterator begin() {
    if (frame_) core().pull();
    return iterator(frame_ ? &core() : nullptr);
  }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

 private:
  template <class, class, class> friend class detail::generator_promise;
  template <class, class, class> friend class detail::delegation;

  explicit generator(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}
  [[nodiscard]] detail::generator_core& core() const noexcept { return frame_.promise(); }
  void drop() noexcept {
    if (!frame_) return;
    if (!ended() && core().innermost != &core()) [[unlikely]]
      core().drop_chain();
    frame_.destroy();
  }
  std::optional<Out> take() {
    void* const value = core().yielded;
    return value ? std::optional<Out>(std::move(*static_cast<Out*>(value))) : std::nullopt;
  }

  std::coroutine_handle<promise_type> frame_;
};

template <class Out, class In, class Return> class generator<Out, In, Return>::iterator {
 public:
  using iterator_concept = std::input_iterator_tag;
  using value_type = Out;
  using difference_type = std::ptrdiff_t;

  iterator() noexcept = default;
  [[nodiscard]] Out& operator*() const noexcept { return *static_cast<Out*>(of_->yielded); }
  [[nodiscard]] Out* operator->() const noexcept { return static_cast<Out*>(of_->yielded); }
  iterator& operator++() {
    of_->pull();
    return *this;
  }
  void operator++(int) { ++*this; }
  [[nodiscard]] friend bool operator==(const iterator& i, std::default_sentinel_t) noexcept {
    return !i.of_ || i.of_->now == detail::generator_core::state::ended;
  }

 private:
  friend generator;
  explicit iterator(detail::generator_core* of) noexcept : of_(of) {}
  detail::generator_core* of_ = nullptr;
};

}  // namespace weft::stackless
