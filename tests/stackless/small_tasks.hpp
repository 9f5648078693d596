// SPDX-License-Identifier: BSL-1.0
// Little tasks that several tests start.
#pragma once

#include <atomic>
#include <string>
#include <system_error>
#include <utility>
#include <weft/stackless.hpp>

namespace weft::test {

inline std::errc code_of(const std::system_error& e) { return std::errc(e.code().value()); }

inline stackless::task<int> answer() {
  co_await stackless::yield();
  co_return 42;
}

inline stackless::task<> few_turns() {
  for (int i = 0; i < 8; ++i) co_await stackless::yield();
}

inline stackless::task<> forever() { co_await stackless::sleep(never); }

inline stackless::task<> yields_until(const std::atomic<bool>& flag) {
  while (!flag) co_await stackless::yield();
}

// Says in `saw` that the cancellation arrived.
inline stackless::task<> parks_forever(std::atomic<bool>& parked, bool& saw) {
  try {
    parked = true;
    co_await stackless::sleep(never);
  } catch (const cancelled&) {
    saw = true;
    throw;
  }
}

inline stackless::task<bool> joins_as_cancelled(stackless::task_handle<>& handle) {
  try {
    co_await handle;
  } catch (const std::system_error& e) {
    co_return code_of(e) == std::errc::operation_canceled && !handle.joinable();
  }
  co_return false;
}

// What comes out of it, by name.
template <class What> stackless::task<std::string> outcome_of(What what) {
  try {
    (void)co_await std::move(what);
  } catch (const cancelled&) {
    co_return "cancelled";
  } catch (const timed_out&) {
    co_return "timed out";
  } catch (const std::system_error& e) {
    co_return e.code() == std::errc::operation_canceled ? "it was cancelled" : e.what();
  } catch (const exception_group& e) {
    co_return "group of " + std::to_string(e.exceptions().size());
  } catch (const std::exception& e) {
    co_return e.what();
  }
  co_return "result";
}

}  // namespace weft::test
