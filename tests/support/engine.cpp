// SPDX-License-Identifier: BSL-1.0
// What the session asks the engine: a hang dumps every fiber; a test case leaves no fiber, task, stack or timer behind, and
// no mapping of stacks.
#include <weft/weft.hpp>

#include "context/memory_map.hpp"
#include "support/scale.hpp"
#include "support/session.hpp"

namespace {

using weft::stats_snapshot;
using weft::test::on_leak_check;

long now(std::uint64_t stats_snapshot::*counter) { return static_cast<long>(weft::stats().*counter); }

// Of address space for stacks that no runtime knows, and no generator. Sanitizers map much in the same manner.
long forgotten_kib() {
  static const bool are_seen = weft::test::stack_mappings_are_seen();
  if (!are_seen || weft::test::active_sanitizer != weft::test::sanitizer::none) return 0;
  return (static_cast<long>(weft::test::mapped_for_stacks().bytes) - now(&stats_snapshot::stack_bytes)) / 1024;
}

[[maybe_unused]] const bool registered = [] {
  weft::test::on_hang([](int fd) { weft::dump(fd); });
  on_leak_check("live fibers", [] { return now(&stats_snapshot::live_fibers); });
  on_leak_check("live tasks", [] { return now(&stats_snapshot::live_tasks); });
  on_leak_check("stacks in use", [] { return now(&stats_snapshot::stacks_in_use); });
  on_leak_check("KiB of stacks that nobody knows", forgotten_kib);
  on_leak_check("timers", [] { return now(&stats_snapshot::timers); });
  return true;
}();

}  // namespace
