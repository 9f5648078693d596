// SPDX-License-Identifier: BSL-1.0
#include "sched/monitor.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "sched/population.hpp"
#include "sched/signals.hpp"
#include "sched/system_call.hpp"
#include "sched/worker.hpp"

namespace weft::detail {
namespace {

// std::atomic has no timed wait.
void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected, const timespec* timeout) noexcept {
  syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), FUTEX_WAIT_PRIVATE, expected, timeout, nullptr, 0);
}
void futex_wake(std::atomic<std::uint32_t>& word) noexcept {
  syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

}  // namespace

void monitor::start(const std::vector<std::unique_ptr<worker>>& workers) {
  if (threshold_.count() == 0) return;
  workers_ = &workers;
  const signals_blocked blocked;
  // Allocated here, where it may fail.
  thread_ = std::thread([this, seen = std::vector<view>(workers.size())]() mutable { watch(seen); });
}

void monitor::stop() noexcept {
  if (!thread_.joinable()) return;
  state_.store(ending, std::memory_order_release);  // pairs with `watch`
  futex_wake(state_);
  thread_.join();
}

void monitor::wake() noexcept {
  std::uint32_t expected = dozing;
  if (state_.compare_exchange_strong(expected, watching, std::memory_order_relaxed)) futex_wake(state_);
}

void monitor::watch(std::vector<view>& seen) noexcept {
  const auto period = std::max<std::chrono::nanoseconds>(threshold_ / 2, std::chrono::milliseconds(1));
  const timespec pause{period.count() / 1'000'000'000, period.count() % 1'000'000'000};
  while (state_.load(std::memory_order_acquire) != ending) {  // pairs with `stop`
    const auto any_busy = [&] {
      bool any = false;
      for (std::size_t i = 0; i < seen.size(); ++i) any |= look(*(*workers_)[i], seen[i]);
      return any;
    };
    if (any_busy()) {
      futex_wait(state_, watching, &pause);
      continue;
    }
    // [monitor-1] Say that we doze, then look again: a worker that did not see it is seen busy now.
    std::uint32_t expected = watching;
    if (!state_.compare_exchange_strong(expected, dozing, std::memory_order_seq_cst)) continue;
    if (any_busy()) {
      expected = dozing;
      state_.compare_exchange_strong(expected, watching, std::memory_order_relaxed);
      continue;
    }
    while (state_.load(std::memory_order_acquire) == dozing) futex_wait(state_, dozing, nullptr);
  }
}

// Whether the worker is busy, or has been since the last look: a monitor that dozed between two messages would have to
// be woken by each of them.
bool monitor::look(worker& at, view& seen) noexcept {
  const auto now = std::chrono::steady_clock::now();
  const auto turns = at.turns();
  const bool busy = at.is_busy();
  if (!busy || turns != seen.turns) {
    const bool active = busy || turns != seen.turns;
    seen = {turns, now, false};
    return active;
  }
  if (now - seen.since >= threshold_ && !seen.reported) {
    seen.reported = true;
    report(at, now - seen.since);
  }
  return true;
}

void monitor::report(worker& at, std::chrono::nanoseconds held) noexcept {
  char what[512];
  std::size_t length = 0;
  for (unsigned k = 0; k < kinds && length == 0; ++k)
    length = at.resident_of(k)->describe_running(at, what, sizeof what);
  if (length == 0) return;  // it has ended meanwhile
  length += describe_system_call(at.thread_id(), what + length, sizeof what - length);
  std::fprintf(stderr, "weft: worker %u is held for %lld ms by %.*s; what may block belongs in blocking()\n",
               at.index(), static_cast<long long>(held.count() / 1'000'000), int(length), what);
}

}  // namespace weft::detail
