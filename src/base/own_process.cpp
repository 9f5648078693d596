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

// True, in a page that a copy of this memory has empty. Null: the kernel is to be asked.
constinit std::atomic<std::atomic<bool>*> kept{nullptr};

constinit thread_local bool expects_child = false;

void learn() noexcept {
  known.store(getpid(), std::memory_order_relaxed);
  if (auto* const flag = kept.load(std::memory_order_relaxed)) flag->store(true, std::memory_order_relaxed);
}

// If no memory is left to say so, children of fork(2) block as libc does.
[[gnu::constructor]] void follow_forks() noexcept {
  learn();
  static_cast<void>(pthread_atfork(nullptr, nullptr, &learn));
}

[[gnu::noinline]] bool ask_the_kernel() noexcept {
  if (getpid() != known.load(std::memory_order_relaxed)) return false;
  // The parent, whose call has returned: nothing of weft's asks between its telling and the child's beginning. (A handler
  // of a signal might, in that microsecond.)
  expects_child = false;
  return true;
}

}  // namespace

// Not inlined: it reads a thread-local, and its callers may have switched before.
[[gnu::noinline]] bool is_own_process() noexcept {
  if (const auto* const flag = kept.load(std::memory_order_acquire)) {  // pairs with `children_within_are_told`
    if (!flag->load(std::memory_order_relaxed)) return false;           // of a child of fork(2), `learn` has set it
    if (!expects_child) [[likely]]
      return true;
  }
  return ask_the_kernel();
}

void children_within_are_told() noexcept {
  const auto size = std::size_t(sysconf(_SC_PAGESIZE));
  void* const page = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return;
  constexpr int no_advice = -1;  // an emulator that takes this, too, takes all and does nothing
  if (madvise(page, size, MADV_WIPEONFORK) == 0 && madvise(page, size, no_advice) != 0)
    kept.store(new (page) std::atomic<bool>(true), std::memory_order_release);
  else
    munmap(page, size);
}

void expect_child_within() noexcept { expects_child = true; }

void expect_child_beside() noexcept { kept.store(nullptr, std::memory_order_relaxed); }

}  // namespace weft::detail
