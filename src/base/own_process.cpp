// SPDX-License-Identifier: BSL-1.0
#include "base/own_process.hpp"

#include <pthread.h>
#include <unistd.h>

#include <atomic>

namespace weft::detail {
namespace {

// Written before there are threads, by the loader and in a child of fork(2). A process that was made without its
// knowledge, by clone(2), finds the parent's here and blocks as libc does.
constinit std::atomic<pid_t> known{0};

void learn() noexcept { known.store(getpid(), std::memory_order_relaxed); }

// If no memory is left to say so, children of fork(2) block as libc does.
[[gnu::constructor]] void follow_forks() noexcept {
  learn();
  static_cast<void>(pthread_atfork(nullptr, nullptr, &learn));
}

}  // namespace

bool is_own_process() noexcept { return getpid() == known.load(std::memory_order_relaxed); }

}  // namespace weft::detail
