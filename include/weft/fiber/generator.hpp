// SPDX-License-Identifier: BSL-1.0
// generator<Out, In, Return>: a function that hands out values one at a time and goes on behind each `yield` when the
// next one is asked for. Stackful: it may yield from any depth of calls. No runtime needed.
//
//   weft::generator<int> squares([](auto& yield) {
//     for (int i = 0;; ++i) yield(i * i);
//   });
//   for (int square : squares)
//     if (square > 100) break;
//
// The body runs inside next(), send(), raise(), close() or the loop, as part of the caller. On a fiber its waits park
// that fiber, and are its cancellation points; on a plain thread they block that. A generator may be handed from one
// fiber or thread to another between two pulls (not during one); then the body must not rely on what belongs to a
// thread, like the body of a movable fiber.
//
// What the body opens with with_scope(), with_deadline() or shield() it must leave before it yields; a yield inside is
// refused, because the scope would belong to whoever pulls.
//
// Costs: an allocation when made, a stack (256 KiB of address space, one touched page) from the first pull to the end, a
// few nanoseconds each pull.
#pragma once

#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <source_location>
#include <type_traits>
#include <utility>
#include <weft/detail/context/runtime_library.hpp>
#include <weft/detail/fiber/stackful_generator.hpp>

namespace weft::detail {

template <class F, class Generator>
concept body_of = !std::is_same_v<std::remove_cvref_t<F>, Generator> &&
                  std::is_invocable_v<std::decay_t<F>&, typename Generator::yielder&>;

}  // namespace weft::detail

namespace weft {

// Thrown by the `yield` in which a body stands when its generator is closed or destroyed, to unwind it. Not a
// std::exception, so that `catch (const std::exception&)` lets it pass. A body that swallows it and yields again gets it
// again from every yield; after 1,000 times the process is ended with a line that names the generator.
struct generator_exit {};

struct generator_options {
  std::size_t stack_size = 0;  // usable bytes, as options::stack_size; 0: WEFT_STACK_SIZE if set, else 256 KiB
};

template <class Out, class In = void, class Return = void> class generator;

// What a body yields through. Made by the generator; only for its body, and what that calls on the generator's stack:
// operation_not_permitted elsewhere.
template <class Out, class In = void> class yielder : private detail::stackful_generator {
 public:
  using value_type = Out;
  // What was sent; empty when driven by next() or a loop.
  using answer = std::conditional_t<std::is_void_v<In>, void, std::optional<In>>;

  // Hands the value out; returns when the next one is asked for. No cancellation point. Throws what raise() gave,
  // `generator_exit`, and operation_not_permitted inside a scope that the body opened.
  answer operator()(Out&& value) { return give(value); }
  answer operator()(const Out& value) requires std::copy_constructible<Out> {
    Out copy(value);
    return give(copy);
  }

  // Python's `yield from`: hands out all that the other one yields, gives it all that is sent and raised, closes it when
  // this one is closed. Returns what its body returned, throws what left it.
  template <class Return> Return delegate(generator<Out, In, Return>& to);
  template <class Return> Return delegate(generator<Out, In, Return>&& to) { return delegate(to); }
  // The same for anything to loop over; what is sent goes nowhere.
  template <std::ranges::input_range Range>
  requires std::constructible_from<Out, std::ranges::range_reference_t<Range>>
  void delegate(Range&& values) {
    for (auto&& value : values) (*this)(Out(std::forward<decltype(value)>(value)));
  }

 private:
  template <class, class, class> friend class generator;
  using stackful_generator::stackful_generator;

  [[gnu::always_inline]] answer give(Out& value) {
    detail::hand_out(*this, std::addressof(value));
    if constexpr (!std::is_void_v<In>) {
      void* const from = std::exchange(sent, nullptr);
      return from ? std::optional<In>(std::move(*static_cast<In*>(from))) : std::nullopt;
    }
  }
};

template <class Out, class In, class Return> class generator {
  static_assert(std::is_object_v<Out> && !std::is_const_v<Out> && std::move_constructible<Out>,
                "what is yielded is a value that can be moved");
  static_assert(std::is_void_v<In> || std::is_object_v<In>, "what is sent is a value");
  static_assert(std::is_void_v<Return> || std::is_object_v<Return>, "what the body returns is a value");

 public:
  using yielder = weft::yielder<Out, In>;
  using value_type = Out;
  class iterator;

  // Empty: like one that has ended.
  generator() noexcept = default;
  // `body` is called with a `yielder&`, on the first pull. Nothing runs yet, and no stack is taken.
  template <detail::body_of<generator> F>
  explicit generator(F&& body, std::source_location where = std::source_location::current())
      : core_(make(std::forward<F>(body), where)) {}
  template <detail::body_of<generator> F>
  generator(const generator_options& with, F&& body, std::source_location where = std::source_location::current())
      : core_(make(std::forward<F>(body), where)) {
    detail::set_stack_size(*core_, with.stack_size);
  }
  // What was moved from is empty. Also between pulls of a body that has begun.
  generator(generator&&) noexcept = default;
  generator& operator=(generator&&) noexcept = default;
  // Closes it. As in any destructor an exception that leaves the body now ends the program; `cancelled` is dropped, since
  // it comes again at the fiber's next cancellation point. Ends the program from inside the body.
  ~generator() = default;

  // Runs the body up to its next `yield`. What it yielded, moved out; empty when it has returned, or had before. Throws
  // what left the body, which has ended then: the next call gives an empty one. resource_deadlock_would_occur when the
  // body runs already: from inside itself, or because the fiber that pulls it is parked.
  // not_enough_memory, with the body still not begun, when there is no stack for it.
  std::optional<Out> next() { return core_ ? take(detail::pull(*core_)) : std::nullopt; }

  // The same, and `value` is what the `yield` in which the body stands returns. invalid_argument when the body has not
  // begun, and so stands in none: call next() first. Gone when the body does not take it.
  template <class T = In>
  requires(!std::is_void_v<T>) std::optional<Out> send(std::type_identity_t<T> value) {
    return core_ ? take(detail::pull_with(*core_, std::addressof(value))) : std::nullopt;
  }

  // The same, and the `yield` in which the body stands throws `error`. It comes out here if the body does not catch it, has
  // not begun or has ended. invalid_argument if it is null.
  std::optional<Out> raise(std::exception_ptr error) {
    return take(detail::pull_raising(core_.get(), std::move(error)));
  }

  // Unwinds the body by `generator_exit`: its destructors have run when this returns. A body that has not begun is
  // destroyed. Nothing if it has ended. Throws what else left the body, and resource_deadlock_would_occur like next().
  void close() {
    if (core_) detail::close(*core_);
  }

  // Whether the body has returned, or was left by an exception, or is not there. Never runs the body: one that stands in
  // its last yield has not ended.
  [[nodiscard]] bool ended() const noexcept { return !core_ || core_->now == detail::stackful_generator::state::ended; }

  // What the body returned. invalid_argument before it has, or if it did not.
  template <class T = Return>
  requires(!std::is_void_v<T>) [[nodiscard]] T& result() {
    if (!core_ || !core_->result) detail::throw_no_result();
    return *core_->result;
  }

  // A loop goes on where the generator is: it begins with the next item, and when it is left early the rest is there for
  // the next loop or next(). Runs the body; throws like next(). *iterator is the body's own object, valid until the next
  // pull, and may be moved from.
  [[nodiscard]] iterator begin() {
    if (core_) detail::pull(*core_);
    return iterator(core_.get());
  }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

 private:
  template <class, class> friend class weft::yielder;
  static constexpr bool has_result = !std::is_void_v<Return>;

  // The body's end and the puller's are one object.
  struct core : yielder {
    using yielder::yielder;
    std::optional<std::conditional_t<has_result, Return, char>> result;
  };

  template <class F> struct with_body final : core {
    template <class G> with_body(G&& body, std::source_location from) : core(&run, &drop_body, &drop_all, from) {
      std::construct_at(std::addressof(function), std::forward<G>(body));
    }
    ~with_body() {}

    static with_body& of(detail::stackful_generator& c) noexcept {
      return static_cast<with_body&>(static_cast<yielder&>(c));
    }
    static void drop_body(detail::stackful_generator& c) noexcept { std::destroy_at(std::addressof(of(c).function)); }
    static void drop_all(detail::stackful_generator& c) noexcept { delete &of(c); }
    static void run(detail::stackful_generator& c) {
      with_body& self = of(c);
      const struct end_of_body {
        with_body& whose;
        ~end_of_body() { drop_body(whose); }
      } guard{self};
      if constexpr (has_result)
        self.result.emplace(std::invoke(self.function, static_cast<yielder&>(self)));
      else
        std::invoke(self.function, static_cast<yielder&>(self));
    }

    union {
      F function;  // until it has run or was dropped
    };
  };

  struct destroyer {
    void operator()(core* c) const noexcept { detail::destroy(*c); }
  };
  using owner = std::unique_ptr<core, destroyer>;

  template <class F> static owner make(F&& body, std::source_location where) {
    [[maybe_unused]] static const bool one_runtime_library = (detail::verify_exception_state(), true);
    return owner(new with_body<std::decay_t<F>>(std::forward<F>(body), where));
  }
  static std::optional<Out> take(void* item) {
    if (!item) return std::nullopt;
    return std::optional<Out>(std::move(*static_cast<Out*>(item)));
  }

  owner core_;
};

template <class Out, class In, class Return> class generator<Out, In, Return>::iterator {
 public:
  using value_type = Out;
  using difference_type = std::ptrdiff_t;
  using iterator_concept = std::input_iterator_tag;

  iterator() noexcept = default;
  [[nodiscard]] Out& operator*() const noexcept { return *static_cast<Out*>(core_->item); }
  [[nodiscard]] Out* operator->() const noexcept { return static_cast<Out*>(core_->item); }
  iterator& operator++() {
    detail::pull(*core_);
    return *this;
  }
  void operator++(int) { detail::pull(*core_); }
  [[nodiscard]] friend bool operator==(const iterator& i, std::default_sentinel_t) noexcept {
    return !i.core_ || !i.core_->item;
  }

 private:
  friend class generator;
  explicit iterator(detail::stackful_generator* core) noexcept : core_(core) {}
  detail::stackful_generator* core_ = nullptr;
};

template <class Out, class In>
template <class Return>
Return yielder<Out, In>::delegate(generator<Out, In, Return>& to) {
  if (to.core_) detail::delegate(*this, *to.core_);
  if constexpr (!std::is_void_v<Return>) return std::move(to.result());
}

}  // namespace weft
