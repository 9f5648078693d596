// SPDX-License-Identifier: BSL-1.0
// What the session asks the engine: a hang dumps every fiber, a test case leaves no fiber, task, stack or timer behind.
#include <weft/weft.hpp>

#include "support/session.hpp"

namespace {

using weft::stats_snapshot;
using weft::test::on_leak_check;

long now(std::uint64_t stats_snapshot::*counter) { return static_cast<long>(weft::stats().*counter); }

[[maybe_unused]] const bool registered = [] {
  weft::test::on_hang([](int fd) { weft::dump(fd); });
  on_leak_check("live fibers", [] { return now(&stats_snapshot::live_fibers); });
  on_leak_check("live tasks", [] { return now(&stats_snapshot::live_tasks); });
  on_leak_check("stacks in use", [] { return now(&stats_snapshot::stacks_in_use); });
  on_leak_check("timers", [] { return now(&stats_snapshot::timers); });
  return true;
}();

}  // namespace
