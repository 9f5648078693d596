// SPDX-License-Identifier: BSL-1.0
#include <weft/stackless/gather.hpp>

namespace weft::detail {

using stackless::any_future;
using stackless::return_when;

stackless::task<> gather_all(std::vector<any_future> what, bool with_exceptions) {
  if (what.empty()) co_return;
  const future_wait waiting(what, with_exceptions ? return_when::all_completed : future_wait::first_unsuccessful,
                            never);
  bool is_cancelled = false;
  try {
    co_await waiting.over();
  } catch (const cancelled&) {
    is_cancelled = true;
  }
  if (is_cancelled) {
    const bool is_heard = co_await end_all(what, is_cancelled, waiting.cancellation());
    for (const any_future& each : what) forget_exception(each);
    const std::ptrdiff_t first = waiting.unsuccessful();
    if (!is_heard || first < 0 || !has_failed(what[std::size_t(first)])) throw cancelled();
  }
  const std::ptrdiff_t first = waiting.unsuccessful();
  if (first < 0) co_return;
  for (const any_future& each : what) (void)each.add_watch([](const any_future& done) { forget_exception(done); });
  const any_future& failed = what[std::size_t(first)];
  (void)failed.exception();  // throws operation_canceled if it was cancelled
  std::rethrow_exception(failed.exception());
}

}  // namespace weft::detail
