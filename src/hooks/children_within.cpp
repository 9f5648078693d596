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

// The next definitions, which the hooks are to jump to.
constinit std::atomic<void*> next_vfork{nullptr}, next_clone{nullptr};

void* look_up(const char* name, std::atomic<void*>& place) noexcept {
  void* found = place.load(std::memory_order_relaxed);
  if (!found) {
    found = find_next(name);
    place.store(found, std::memory_order_relaxed);
  }
  return found;
}

[[gnu::constructor]] void tell_from_now_on() noexcept {
  children_within_are_told();
  static_cast<void>(look_up("vfork", next_vfork));  // now, since handlers of crashes may be the first to make a child
  static_cast<void>(look_up("clone", next_clone));
}

}  // namespace

const hooks_file children_within_hooks{};

extern "C" {

[[gnu::visibility("hidden")]] extern const char weft_hooks_in_assembly;
[[gnu::used]] static const char* const with_the_assembly = &weft_hooks_in_assembly;

[[gnu::visibility("hidden")]] void* weft_before_vfork() noexcept {
  expect_child_within();
  return look_up("vfork", next_vfork);
}

// With the arguments of the call itself.
[[gnu::visibility("hidden")]] void* weft_before_clone(int (*)(void*), void*, int flags) noexcept {
  if ((flags & CLONE_VM) && !(flags & CLONE_THREAD)) {
    if ((flags & CLONE_VFORK) && !(flags & CLONE_SETTLS))
      expect_child_within();
    else
      expect_child_beside();
  }
  return look_up("clone", next_clone);
}

}  // extern "C"

}  // namespace weft::detail
