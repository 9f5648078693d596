// SPDX-License-Identifier: BSL-1.0
// select: waits for the first of several channel operations, and carries out one.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <weft/base/deadline.hpp>
#include <weft/detail/sync/channel_item.hpp>
#include <weft/detail/sync/select_case.hpp>
#include <weft/detail/sync/select_operation.hpp>
#include <weft/sync/channel.hpp>

namespace weft {

// The cases of a select. They refer to their channels and to what is sent, and hold their functions; they are made for
// one select, in its own call.
template <class T, class F> class receive_case : private std::optional<detail::item_of<T>>, public detail::select_case {
  using got = std::optional<detail::item_of<T>>;

 public:
  template <class G>
  receive_case(channel<T>& from, G&& then)
      : select_case(kind::receive, &detail::channel_access::core(from), static_cast<got*>(this)),
        then_(std::forward<G>(then)) {}

  void prepare(detail::select_cases) noexcept { got::reset(); }
  void put_back() noexcept {}
  void run() {
    if constexpr (detail::is_boxed<T>)
      std::invoke(then_, detail::opened<T>(std::move(*static_cast<got*>(this))));
    else
      std::invoke(then_, std::move(*static_cast<got*>(this)));
  }

 private:
  F then_;
};

template <class T, class F>
class send_case : private std::optional<T>, private detail::sent_item<T>, public detail::select_case {
  using copy = std::optional<T>;
  using what = detail::sent_item<T>;

 public:
  template <class G>
  send_case(channel<T>& to, T& value, G&& then)
      : what(value),
        select_case(kind::send, &detail::channel_access::core(to), std::addressof(what::item()), what::source()),
        then_(std::forward<G>(then)) {}
  template <class G>
  send_case(channel<T>& to, const T& value, G&& then)
      : copy(value),
        what(**static_cast<copy*>(this)),
        select_case(kind::send, &detail::channel_access::core(to), std::addressof(what::item()), what::source()),
        then_(std::forward<G>(then)) {}

  // One object in several cases has one box: at most one of them is carried out.
  void prepare(detail::select_cases before) {
    if constexpr (detail::is_boxed<T>) {
      for (const detail::select_case* other : before) {
        if (other->shares(what::source())) {
          place = other->place;
          return;
        }
      }
      place = &what::item();
    }
    what::pack();
  }
  using what::put_back;
  void run() { std::invoke(then_); }

 private:
  F then_;
};

template <detail::select_case::kind Kind, class F> class end_case : public detail::select_case {
 public:
  template <class G>
  end_case(deadline until, G&& then)
      : select_case(Kind, nullptr, nullptr, nullptr, until), then_(std::forward<G>(then)) {}
  void prepare(detail::select_cases) noexcept {}
  void put_back() noexcept {}
  void run() { std::invoke(then_); }

 private:
  F then_;
};

// f(std::optional<T>): a value was received, or the channel is closed and drained (nullopt).
template <class T, class F>
requires std::invocable < std::decay_t<F>
&, std::optional < T >> [[nodiscard]] receive_case<T, std::decay_t<F>> on_receive(channel<T>& from, F&& f) {
  return {from, std::forward<F>(f)};
}

// f(): the value was sent. It is moved from, lvalue or not, if this case is the one that is carried out, and untouched
// otherwise; a const one is copied. On a closed channel the case is ready, and the select throws channel_closed.
template <class T, class F>
requires std::invocable < std::decay_t<F>
& > [[nodiscard]] send_case<T, std::decay_t<F>> on_send(channel<T>& to, std::type_identity_t<T>& value, F&& f) {
  return {to, value, std::forward<F>(f)};
}
template <class T, class F>
requires std::invocable < std::decay_t<F>
& > [[nodiscard]] send_case<T, std::decay_t<F>> on_send(channel<T>& to, std::type_identity_t<T>&& value, F&& f) {
  return {to, value, std::forward<F>(f)};
}
template <class T, class F>
requires std::invocable < std::decay_t<F>
& > &&std::copy_constructible<T> [[nodiscard]] send_case<T, std::decay_t<F>> on_send(
        channel<T>& to, const std::type_identity_t<T>& value, F&& f) {
  return {to, value, std::forward<F>(f)};
}

// f(): nothing else was ready before the deadline. Of several the earliest counts.
template <class F>
requires std::invocable < std::decay_t<F>
& > [[nodiscard]] end_case<detail::select_case::kind::timeout, std::decay_t<F>> on_timeout(deadline until, F&& f) {
  return {until, std::forward<F>(f)};
}

// f(): nothing else is ready now. At most one in a select, which then never waits.
template <class F>
requires std::invocable < std::decay_t<F>
& > [[nodiscard]] end_case<detail::select_case::kind::otherwise, std::decay_t<F>> otherwise(F&& f) {
  return {never, std::forward<F>(f)};
}

}  // namespace weft

namespace weft::detail {

template <class Case>
concept a_select_case =
    std::derived_from<std::remove_cvref_t<Case>, select_case> && !std::is_const_v<std::remove_reference_t<Case>>;

// The cases of one select, by their base and by what they are.
template <class... Cases> class case_list {
  static_assert(sizeof...(Cases) > 0 && sizeof...(Cases) <= select_case::most, "a select has 1 to 64 cases");

 public:
  explicit case_list(Cases&... cases) noexcept : bases_{&cases...} {}

  [[nodiscard]] select_cases bases() const noexcept { return bases_; }
  // Before the first look. Throws what moving the values throws.
  void prepare() {
    std::size_t done = 0;
    try {
      ((at<Cases>(done).prepare(bases().first(done)), ++done), ...);
    } catch (...) {
      put_back();
      throw;
    }
  }
  // After the decision: what was not sent is the sender's again.
  void put_back() {
    std::size_t i = 0;
    (at<Cases>(i++).put_back(), ...);
  }
  void run(std::size_t index) {
    std::size_t i = 0;
    (void)((i++ == index && (at<Cases>(index).run(), true)) || ...);
  }

 private:
  // Folds go through them in order. (A tuple would cost its size squared to compile.)
  template <class Case> [[nodiscard]] Case& at(std::size_t index) noexcept {
    return static_cast<Case&>(*bases_[index]);
  }

  std::array<select_case*, sizeof...(Cases)> bases_;
};

// co_await: the index of the case that ran.
template <class... Cases> class [[nodiscard]] select_operation : private case_list<Cases...>, public select_step {
  using list = case_list<Cases...>;

 public:
  explicit select_operation(Cases&... cases) noexcept : list(cases...), select_step(list::bases()) {}
  // Throws what moving the values throws.
  [[nodiscard]] bool await_ready() {
    list::prepare();
    return select_step::await_ready();
  }
  std::size_t await_resume() {
    list::put_back();
    const std::size_t index = finish();
    list::run(index);
    return index;
  }
};

}  // namespace weft::detail

namespace weft {

// Carries out one of the cases, chosen at random among those that are ready at once; if none is, waits for the first
// that becomes ready. Then runs its function, and returns its index. All others have not happened: nothing was received,
// and what was to be sent is unmoved. A channel may stand in several cases, and be sent to and received from.
//
// Parks a fiber, blocks a plain thread. A cancellation point, also where it need not wait; none while the function runs.
// Throws channel_closed if the case is a send on a channel that is closed, `cancelled`, and what the function throws.
template <detail::a_select_case... Cases> std::size_t select(Cases&&... cases) {
  detail::case_list<std::remove_reference_t<Cases>...> list(cases...);
  list.prepare();
  std::size_t index = 0;
  try {
    index = detail::select_one(list.bases());
  } catch (...) {
    list.put_back();
    throw;
  }
  list.put_back();
  list.run(index);
  return index;
}

// For tasks: the same by co_await, in the full expression in which the cases are made.
template <detail::a_select_case... Cases> [[nodiscard]] auto async_select(Cases&&... cases) {
  return detail::select_operation<std::remove_reference_t<Cases>...>(cases...);
}

}  // namespace weft
