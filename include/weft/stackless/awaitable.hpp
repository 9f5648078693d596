// SPDX-License-Identifier: BSL-1.0
// awaitable<What>: whether What may stand behind co_await in a task. Python's awaitable protocol, checked by the compiler.
#pragma once

#include <utility>
#include <weft/detail/stackless/promise.hpp>

namespace weft::stackless {

// A task (as an rvalue: it runs once), a task_handle, a future, what an async function of weft returns; or what has an
// operator co_await, member or not, that returns one of these: Python's __await__, for types of one's own. Anything else
// behind co_await is an error of compilation that says so.
template <class What>
concept awaitable = detail::may_be_awaited<What>;

}  // namespace weft::stackless

namespace weft::detail {

template <class What> struct awaited_result;
template <class What>
requires leaf_like<What>
struct awaited_result<What> {
  using type = decltype(std::declval<What>().await_resume());
};
template <class What>
requires(!leaf_like<What> && knows_tasks<What>) struct awaited_result<What> {
  using type = decltype(std::declval<What>().awaited_by(std::declval<task_core&>()).await_resume());
};
template <class What>
requires(!leaf_like<What> && !knows_tasks<What> && has_await_operator<What>) struct awaited_result<What>
    : awaited_result<await_operator_result<What>> {
};

}  // namespace weft::detail

namespace weft::stackless {

// What `co_await` of it gives.
template <awaitable What> using await_result_t = typename detail::awaited_result<What>::type;

}  // namespace weft::stackless
