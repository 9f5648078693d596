// SPDX-License-Identifier: BSL-1.0
// when_all() and when_any(): several fibers and futures, waited for together.
#pragma once

#include <cstddef>
#include <iterator>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>
#include <weft/base/deadline.hpp>
#include <weft/detail/sync/several.hpp>

namespace weft {

// As in the concurrency TS: which one it was, and all of them.
template <class Handles> struct when_any_result {
  std::size_t index = std::size_t(-1);
  Handles futures;
};

namespace detail {

// What follows stands for fibers and futures that it owns, or refers to, if they were given as lvalues. Nothing is joined
// or got: get() hands them back, and what came of each comes out of its own join() or get(). Every wait is a cancellation
// point and leaves the handles as they were; it throws what an empty handle throws, invalid_argument if somebody else is
// joining one of the fibers, and resource_deadlock_would_occur if that is the caller.

template <class Handles> class [[nodiscard]] all_of {
 public:
  explicit all_of(Handles&& these) : these_(std::forward<Handles>(these)) {}

  // Until all have ended. Parks a fiber, blocks a plain thread (in a task, the worker).
  void wait() { (void)wait_until(never); }
  // False: not by then.
  [[nodiscard]] bool wait_until(deadline until) {
    return wait_for_several(these_.prepare(), how_many::all, until).has_value();
  }
  [[nodiscard]] bool wait_for(deadline from_now) { return wait_until(from_now); }
  Handles get() {
    wait();
    return these_.give();
  }

  // co_await: the same for tasks. This has to stay until the end of the co_await.
  [[nodiscard]] auto async_wait() { return waits(*this, never); }
  [[nodiscard]] auto async_wait_until(deadline until) { return waits_in_time(*this, until); }
  [[nodiscard]] auto async_get() { return gets(*this, never); }

 private:
  struct operation : several_operation {
    operation(all_of& what, deadline until)
        : several_operation(what.these_.prepare(), how_many::all, until), of(&what) {}
    all_of* of;
  };
  struct waits : operation {
    using operation::operation;
    void await_resume() const { (void)this->result(); }
  };
  struct waits_in_time : operation {
    using operation::operation;
    [[nodiscard]] bool await_resume() const { return this->result().has_value(); }
  };
  struct gets : operation {
    using operation::operation;
    [[nodiscard]] Handles await_resume() {
      (void)this->result();
      return this->of->these_.give();
    }
  };

  several<Handles> these_;
};

template <class Handles> class [[nodiscard]] any_of {
 public:
  explicit any_of(Handles&& these) : these_(std::forward<Handles>(these)) {}

  // Until one has ended, and which; the first of those that have. Of none at all: size_t(-1), at once.
  std::size_t wait() { return *wait_until(never); }
  // Nothing: not by then.
  [[nodiscard]] std::optional<std::size_t> wait_until(deadline until) {
    return wait_for_several(these_.prepare(), how_many::any, until);
  }
  [[nodiscard]] std::optional<std::size_t> wait_for(deadline from_now) { return wait_until(from_now); }
  when_any_result<Handles> get() {
    const std::size_t first = wait();
    return {first, these_.give()};
  }

  // co_await: the same for tasks. This has to stay until the end of the co_await.
  [[nodiscard]] auto async_wait() { return waits(*this, never); }
  [[nodiscard]] auto async_wait_until(deadline until) { return waits_in_time(*this, until); }
  [[nodiscard]] auto async_get() { return gets(*this, never); }

 private:
  struct operation : several_operation {
    operation(any_of& what, deadline until)
        : several_operation(what.these_.prepare(), how_many::any, until), of(&what) {}
    any_of* of;
  };
  struct waits : operation {
    using operation::operation;
    std::size_t await_resume() const { return *this->result(); }
  };
  struct waits_in_time : operation {
    using operation::operation;
    [[nodiscard]] std::optional<std::size_t> await_resume() const { return this->result(); }
  };
  struct gets : operation {
    using operation::operation;
    [[nodiscard]] when_any_result<Handles> await_resume() {
      const std::size_t first = *this->result();
      return {first, this->of->these_.give()};
    }
  };

  several<Handles> these_;
};

}  // namespace detail

// `when_all(f, g).wait()`, `when_any(std::move(futures)).get()`: of futures, shared futures and fibers, in any mix. Nothing
// is begun before one of their functions is called.
template <detail::handle_of_end... H> auto when_all(H&&... these) {
  return detail::all_of<std::tuple<H...>>(std::tuple<H...>(std::forward<H>(these)...));
}
template <detail::handle_of_end... H> auto when_any(H&&... these) {
  return detail::any_of<std::tuple<H...>>(std::tuple<H...>(std::forward<H>(these)...));
}
// Of a vector of them; an rvalue is taken over.
template <class V>
requires detail::is_vector_of_handles<std::remove_cvref_t<V>>
auto when_all(V&& these) { return detail::all_of<V>(std::forward<V>(these)); }
template <class V>
requires detail::is_vector_of_handles<std::remove_cvref_t<V>>
auto when_any(V&& these) { return detail::any_of<V>(std::forward<V>(these)); }
// Those are moved out of the range.
template <std::input_iterator I> auto when_all(I first, I last) {
  return when_all(std::vector<std::iter_value_t<I>>(std::make_move_iterator(first), std::make_move_iterator(last)));
}
template <std::input_iterator I> auto when_any(I first, I last) {
  return when_any(std::vector<std::iter_value_t<I>>(std::make_move_iterator(first), std::make_move_iterator(last)));
}

}  // namespace weft
