// SPDX-License-Identifier: BSL-1.0
// What must hold at all times, each counted: a stress run passes when none of these was broken.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <vector>

namespace weft::stress {

class rule {
 public:
  explicit rule(const char* text) : says(text) { all().push_back(this); }
  rule(const rule&) = delete;
  rule& operator=(const rule&) = delete;

  // Any thread. Counters are relaxed: they are read when every thread has ended.
  bool operator()(bool holds, long long seen = 0, long long expected = 0) noexcept {
    checked.fetch_add(1, std::memory_order_relaxed);
    if (!holds && broken.fetch_add(1, std::memory_order_relaxed) < 5)
      std::fprintf(stderr, "BROKEN: %s (%lld, expected %lld)\n", says, seen, expected);
    return holds;
  }
  bool equal(std::uint64_t seen, std::uint64_t expected) noexcept {
    return (*this)(seen == expected, static_cast<long long>(seen), static_cast<long long>(expected));
  }

  static std::vector<rule*>& all() {
    static std::vector<rule*> rules;
    return rules;
  }

  const char* const says;
  std::atomic<std::uint64_t> checked{0}, broken{0};
};

struct rules {
  rule results{"a join gives what the fiber returned, and sees all that it wrote"};
  rule errors{"every error that left a fiber is seen exactly once"};
  rule unplanned{"nothing is thrown that nobody threw"};
  rule cancelled{"`cancelled` leaves only a fiber that is cancelled"};
  rule timeouts{"timed_out comes only when the time is up"};
  rule sleeps{"nothing sleeps too short"};
  rule shields{"nothing is cancelled behind a shield"};
  rule handlers{"an exception in a handler stays the same across parks"};
  rule threads{"a sticky fiber stays on its worker, a pinned one on that of its choice"};
  rule scopes{"a scope is left when its children have ended"};
  rule bytes{"every byte that comes is the one that was sent"};
  rule totals{"as many bytes come as were sent, also when either end was cancelled"};
  rule torn{"a connection closed under its users gives at most what was sent"};
  rule network{"a network operation fails only in the ways that were provoked"};
  rule tokens{"every closure and frame is destroyed, once"};
  rule fibers{"every spawned fiber has ended, and stats() counts them all"};
  rule stacks{"no stack is in use without a runtime"};
  rule descriptors{"no descriptor stays open"};
  rule mappings{"the number of mappings does not grow"};
};

inline rules must;

}  // namespace weft::stress
