// SPDX-License-Identifier: BSL-1.0
// gather(): several awaitables at once, their results together. asyncio's gather.
#pragma once

#include <cstddef>
#include <exception>
#include <source_location>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>
#include <weft/base/error.hpp>
#include <weft/detail/stackless/future_wait.hpp>
#include <weft/stackless/ensure_future.hpp>
#include <weft/stackless/wait.hpp>

namespace weft::detail {

// What stands for nothing among the results.
template <class T> using kept_result = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

template <class T> kept_result<T> result_of(stackless::future<T>&& of) {
  if constexpr (std::is_void_v<T>) {
    of.result();
    return {};
  } else {
    return std::move(of).take_result();
  }
}

// Until all are done, or one has failed or been cancelled, and nobody asked for the exceptions. When the caller is
// cancelled, all are, each time, and their ends are waited for; the first that did not return is heard if it failed.
stackless::task<> gather_all(std::vector<stackless::any_future> what, bool with_exceptions);

// What is gathered has begun: whoever cancels the whole at once cancels that, too.
template <class T>
stackless::task_future<T> begin_gather(stackless::task<T> all,
                                       std::source_location where = std::source_location::current()) {
  return stackless::task_future<T>(drive(running_loop(), std::move(all), where, {}, {}, true));
}

// One after the other, as they stand: arguments of a function would begin in any order.
template <class... What> auto begin_in_order(What&&... what) {
  return std::tuple<stackless::future<stackless::future_result_t<What>>...>{
      stackless::ensure_future(std::forward<What>(what), std::source_location::current())...};
}

// Not in the coroutines: g++ 12 has trouble with initializer lists there.
template <class Futures> std::vector<stackless::any_future> list_of(const Futures& all) {
  return std::apply([](const auto&... each) { return std::vector<stackless::any_future>{each...}; }, all);
}

template <class... Ts>
stackless::task<std::tuple<kept_result<Ts>...>> gather_tuple(std::tuple<stackless::future<Ts>...> of) {
  co_await gather_all(list_of(of), false);
  co_return std::apply([](auto&... each) { return std::tuple<kept_result<Ts>...>(result_of(std::move(each))...); }, of);
}
template <class... Ts>
stackless::task<std::tuple<stackless::future<Ts>...>> gather_settled(std::tuple<stackless::future<Ts>...> of) {
  co_await gather_all(list_of(of), true);
  co_return of;
}
template <class T> stackless::task<std::vector<kept_result<T>>> gather_vector(std::vector<stackless::future<T>> of) {
  co_await gather_all(std::vector<stackless::any_future>(of.begin(), of.end()), false);
  std::vector<kept_result<T>> results;
  results.reserve(of.size());
  for (auto& each : of) results.push_back(result_of(std::move(each)));
  co_return results;
}
template <class T>
stackless::task<std::vector<stackless::future<T>>> gather_vector_settled(std::vector<stackless::future<T>> of) {
  co_await gather_all(std::vector<stackless::any_future>(of.begin(), of.end()), true);
  co_return of;
}

}  // namespace weft::detail

namespace weft::stackless {

struct return_exceptions_t {};
// Given to gather() first: it waits for all, and gives their futures, done, instead of the results.
inline constexpr return_exceptions_t return_exceptions{};

// A future of a tuple with the results in the order of the arguments, std::monostate for nothing. All are started now,
// in that order, on the running loop. The first that fails, or is cancelled (then as operation_canceled), fails the
// whole; the others go on and nobody is told of their errors. Cancelling it cancels all, and it is done when they are: it
// is cancelled, or has the error of the first that did not return, if that has failed. One of nothing, too, is done only
// when it had its turn. Throws loop_error when no loop is running.
template <awaitable... What> auto gather(What&&... what) {
  return detail::begin_gather(detail::gather_tuple(detail::begin_in_order(std::forward<What>(what)...)));
}
template <awaitable... What> auto gather(return_exceptions_t, What&&... what) {
  return detail::begin_gather(detail::gather_settled(detail::begin_in_order(std::forward<What>(what)...)));
}
// The same for as many as there are, of one type: a vector.
template <class What>
requires awaitable<What>
auto gather(std::vector<What> what) {
  return detail::begin_gather(detail::gather_vector<future_result_t<What>>(detail::all_futures(std::move(what))));
}
template <class What>
requires awaitable<What>
auto gather(return_exceptions_t, std::vector<What> what) {
  return detail::begin_gather(
      detail::gather_vector_settled<future_result_t<What>>(detail::all_futures(std::move(what))));
}

}  // namespace weft::stackless
