// SPDX-License-Identifier: BSL-1.0
#include "base/own_process.hpp"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <new>

namespace weft::detail {
namespace {

// Written before there are threads, by the loader and in a child of fork(2). A process that was made without its
// knowledge, by clone(2), finds the parent's here and blocks as libc does.
constinit std::atomic<pid_t> known{0};

// In the page that a copy of this memory has empty; null: there is none.
constinit std::atomic<std::atomic<bool>*> undoubted{nullptr};

constinit thread_local child_within expected = child_within::none;

void learn() noexcept {
  known.store(getpid(), std::memory_order_relaxed);
  if (auto* const flag = undoubted.load(std::memory_order_relaxed)) flag->store(true, std::memory_order_relaxed);
}

// If no memory is left to say so, children of fork(2) block as libc does.
[[gnu::constructor]] void follow_forks() noexcept {
  learn();
  static_cast<void>(pthread_atfork(nullptr, nullptr, &learn));
}

[[gnu::noinline]] bool ask_the_kernel() noexcept {
  if (getpid() != known.load(std::memory_order_relaxed)) return false;
  // The parent's own call has returned, so the child within has ended or has a memory of its own.
  if (expected == child_within::until_the_call_returns) expected = child_within::none;
  return true;
}

}  // namespace

// Not inlined: it reads a thread-local, and its callers may have switched before.
[[gnu::noinline]] bool is_own_process() noexcept {
  const auto* const flag = undoubted.load(std::memory_order_acquire);  // pairs with `children_within_are_told`
  if (flag && flag->load(std::memory_order_relaxed) && expected == child_within::none) [[likely]]
    return true;
  return ask_the_kernel();
}

void children_within_are_told() noexcept {
  const auto size = std::size_t(sysconf(_SC_PAGESIZE));
  void* const page = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return;
  if (madvise(page, size, MADV_WIPEONFORK) == 0)
    undoubted.store(new (page) std::atomic<bool>(true), std::memory_order_release);
  else
    munmap(page, size);
}

void expect_child_within(child_within how_long) noexcept {
  if (how_long > expected) expected = how_long;
}

}  // namespace weft::detail
