// SPDX-License-Identifier: BSL-1.0
#include "context/process_stacks.hpp"

#include <atomic>
#include <mutex>

#include "context/shadow_stack.hpp"
#include "context/stack_cache.hpp"

namespace weft::detail {
namespace {

// Nobody is idle here who would trim in time: every so many stacks that come back pay for it (0.3 us each at most).
constexpr unsigned gives_per_trim = 256;

struct shared_stacks {
  shared_stacks() { verify_no_shadow_stack(); }

  stack_pool pool;
  std::mutex lock;
  stack_cache cache{pool};
  unsigned given = 0;
};

// Published (release) by `shared`, read (acquire) by those who must not make it.
constinit std::atomic<shared_stacks*> made{nullptr};

shared_stacks& shared() {
  static shared_stacks& one = [&]() -> shared_stacks& {
    auto* const fresh = new shared_stacks;
    made.store(fresh, std::memory_order_release);
    return *fresh;
  }();
  return one;
}

}  // namespace

stack_pool& process_stacks() { return shared().pool; }

stack* take_shared_stack(unsigned size_class) {
  shared_stacks& from = shared();
  const std::lock_guard guard(from.lock);
  return from.cache.take(size_class);
}

void give_shared_stack(stack* s) noexcept {
  shared_stacks& to = shared();
  const std::lock_guard guard(to.lock);
  to.cache.give(s);
  if (++to.given % gives_per_trim == 0) static_cast<void>(to.cache.trim());
}

stack* find_process_stack(const void* address) noexcept {
  shared_stacks* const in = made.load(std::memory_order_acquire);
  return in ? in->pool.find(address) : nullptr;
}

stack* try_find_process_stack(const void* address) noexcept {
  shared_stacks* const in = made.load(std::memory_order_acquire);
  return in ? in->pool.try_find(address) : nullptr;
}

stack_stats process_stack_stats() noexcept {
  shared_stacks* const of = made.load(std::memory_order_acquire);
  return of ? of->pool.stats() : stack_stats{};
}

}  // namespace weft::detail
