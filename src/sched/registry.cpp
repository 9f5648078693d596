// SPDX-License-Identifier: BSL-1.0
#include "sched/registry.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <vector>

#include "base/immortal.hpp"
#include "context/process_stacks.hpp"
#include "sched/scheduler.hpp"

namespace weft::detail::registry {
namespace {

struct living {
  std::mutex lock;
  std::vector<scheduler*> all;
  const scheduler* dumped = nullptr;  // does not go meanwhile
  std::condition_variable dump_ended;
  std::mutex dumping;  // one dump at a time; taken before `lock`
};

// Never destroyed: runtimes may live in static objects.
living& of_process() {
  static immortal<living> l;
  return *l;
}

}  // namespace

void add(scheduler& s) {
  auto& l = of_process();
  const std::lock_guard guard(l.lock);
  l.all.push_back(&s);
}

void remove(scheduler& s) noexcept {
  auto& l = of_process();
  std::unique_lock guard(l.lock);
  std::erase(l.all, &s);
  l.dump_ended.wait(guard, [&] { return l.dumped != &s; });
}

stats_snapshot stats() noexcept {
  auto& l = of_process();
  const std::lock_guard guard(l.lock);
  stats_snapshot sum;
  for (const scheduler* s : l.all) {
    if (!s->is_stopping()) sum += s->stats();
  }
  const stack_stats generators = process_stack_stats();
  sum.stacks_in_use += generators.in_use;
  sum.stacks_pooled += generators.pooled;
  sum.stack_bytes += generators.bytes;
  return sum;
}

// Writes without the lock: whoever reads the other end may need it to get there.
void dump(int fd) noexcept {
  auto& l = of_process();
  const std::lock_guard one_at_a_time(l.dumping);
  std::unique_lock guard(l.lock);
  for (std::uint64_t last = 0;;) {
    const scheduler* next = nullptr;
    for (const scheduler* s : l.all) {
      if (s->number() > last && (!next || s->number() < next->number())) next = s;
    }
    l.dumped = next;
    l.dump_ended.notify_all();
    if (!next) return;
    last = next->number();
    guard.unlock();
    if (!next->is_stopping()) next->dump(fd);
    guard.lock();
  }
}

pinned::pinned(std::uint64_t number) noexcept {
  auto& l = of_process();
  const std::lock_guard guard(l.lock);
  for (scheduler* s : l.all) {
    if (s->number() == number) found_ = s;
  }
  if (found_) found_->pin();
}

pinned::~pinned() {
  if (found_) found_->unpin();
}

}  // namespace weft::detail::registry
