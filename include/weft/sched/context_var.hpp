// SPDX-License-Identifier: BSL-1.0
// context_var<T>: a variable with a value for each fiber, task and thread, handed down to what they start.
#pragma once

#include <concepts>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <weft/detail/sched/context_token.hpp>

namespace weft {

// Like Python's contextvars: a fiber or task begins with the values that whoever started it had at that moment (a plain
// thread's, too), and what it sets afterwards nobody else sees. Usually an object of static storage; it may end before the
// values do. Values are shared, not copied: they are read on several threads at once, and the last who has one ends it
// (a fiber that ends shielded).
// A fiber without variables pays nothing for them. Nothing here parks; any fiber, task or thread may call it.
template <class T> class context_var {
  static_assert(std::is_object_v<T> && std::is_same_v<T, std::remove_cv_t<T>>);

 public:
  // What set() returns and reset() takes. Copies are the same token.
  class token : private detail::context_token {
   public:
    token() noexcept = default;

   private:
    friend class context_var;
    explicit token(detail::context_token what) noexcept : detail::context_token(std::move(what)) {}
  };

  // A value until the end of a block. Ended elsewhere than on the fiber, task or thread that made it, it does nothing.
  class scoped {
   public:
    // Throws bad_alloc.
    scoped(context_var& variable, T value) : token_(variable.bind(std::move(value))) {}
    scoped(const scoped&) = delete;
    scoped& operator=(const scoped&) = delete;
    ~scoped() { detail::unbind_here(token_); }

   private:
    const detail::context_token token_;
  };

  // get() where nothing was set: T(), or what is given here.
  context_var() requires std::default_initializable<T> : initial_() {}
  explicit context_var(T initial) noexcept(std::is_nothrow_move_constructible_v<T>) : initial_(std::move(initial)) {}
  context_var(const context_var&) = delete;
  context_var& operator=(const context_var&) = delete;

  // The caller's value. The reference holds until the caller sets or resets this variable, or ends.
  [[nodiscard]] const T& get() const noexcept {
    const detail::binding* const found = detail::find_binding(number_);
    return found ? static_cast<const bound&>(*found).value : initial_;
  }
  // Whether the caller has a value of its own or an inherited one.
  [[nodiscard]] bool is_set() const noexcept { return detail::find_binding(number_) != nullptr; }
  // From now on the caller's value, and that of what it starts. Throws bad_alloc.
  token set(T value) { return token(bind(std::move(value))); }
  // Takes a set() back: the value before it is the caller's again, whatever was set since. Throws std::system_error:
  // invalid_argument if the token was used before, belongs to another variable or to none; operation_not_permitted if
  // another fiber, task or thread made it.
  void reset(const token& made_by_set) { detail::unbind(number_, made_by_set); }

 private:
  struct bound : detail::binding {
    bound(std::uint64_t which, T&& what) : binding(which, &end), value(std::move(what)) {}
    static void end(detail::binding& self) noexcept { delete static_cast<bound*>(&self); }
    const T value;
  };

  [[nodiscard]] detail::context_token bind(T&& value) const {
    return detail::bind(detail::binding_pointer(new bound(number_, std::move(value))));
  }

  const std::uint64_t number_ = detail::new_context_variable();
  const T initial_;
};

}  // namespace weft
