// SPDX-License-Identifier: BSL-1.0
// Little tasks that several tests start.
#pragma once

#include <atomic>
#include <system_error>
#include <weft/stackless.hpp>

namespace weft::test {

inline std::errc code_of(const std::system_error& e) { return std::errc(e.code().value()); }

inline stackless::task<int> answer() {
  co_await stackless::yield();
  co_return 42;
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

}  // namespace weft::test
