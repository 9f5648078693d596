// SPDX-License-Identifier: BSL-1.0
// vfork(2) and clone(2): what they tell weft before they make a child that has the parent's memory. Their hooks are in
// assembly (asm/*_hooks.S), since no frame of theirs may lie on the stack when the child returns.
#include <sched.h>

#include <atomic>

#include "base/own_process.hpp"
#include "hooks/next.hpp"
#include "hooks/table.hpp"

namespace weft::detail {
namespace {

[[gnu::constructor]] void tell_from_now_on() noexcept { children_within_are_told(); }

// The next definition, which the caller is to jump to.
void* next_of(const char* name, std::atomic<void*>& place) noexcept {
  void* found = place.load(std::memory_order_relaxed);
  if (!found) {
    found = find_next(name);
    place.store(found, std::memory_order_relaxed);
  }
  return found;
}

}  // namespace

const hooks_file children_within_hooks{};

extern "C" {

[[gnu::visibility("hidden")]] extern const char weft_hooks_in_assembly;
[[gnu::used]] static const char* const with_the_assembly = &weft_hooks_in_assembly;

[[gnu::visibility("hidden")]] void* weft_before_vfork() noexcept {
  static constinit std::atomic<void*> place{nullptr};
  expect_child_within(child_within::until_the_call_returns);
  return next_of("vfork", place);
}

// With the arguments of the call itself.
[[gnu::visibility("hidden")]] void* weft_before_clone(int (*)(void*), void*, int flags) noexcept {
  static constinit std::atomic<void*> place{nullptr};
  if ((flags & CLONE_VM) && !(flags & CLONE_SETTLS))
    expect_child_within(flags & CLONE_VFORK ? child_within::until_the_call_returns : child_within::longer);
  return next_of("clone", place);
}

}  // extern "C"

}  // namespace weft::detail
