// SPDX-License-Identifier: BSL-1.0
// A slab: one mapping carved into stacks of one class. Its pool's lock covers it, except in make().
//
// Mapped PROT_NONE and without reservation, unlocked, and only then made writable: under mlockall(MCL_FUTURE) anything
// else would be populated at once. Huge pages are refused, or one touch would cost 2 MiB.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "context/guard.hpp"
#include "context/size_class.hpp"
#include "context/stack.hpp"

namespace weft::detail {

struct slab_policy {
  guard_method guards = guard_method::automatic;
  bool unguarded_allowed = false;
  std::size_t mapping_limit = 0;  // of mappings that guards by mprotect may use in this process
};

class slab {
 public:
  // Up to `wanted` stacks, fewer where the address space has no room for so many. Throws std::system_error
  // (not_enough_memory) when there is none for one.
  slab(unsigned size_class, std::size_t wanted, const slab_policy& policy);
  ~slab();
  slab(const slab&) = delete;
  slab& operator=(const slab&) = delete;

  // A stack that was used before, or null.
  stack* take_used() noexcept;
  void give(stack* s) noexcept;

  [[nodiscard]] bool has_fresh() const noexcept { return fresh_ < count_; }
  // A stack that nobody has used, guarded now; its memory is not touched yet. Throws std::system_error
  // (not_enough_memory) when no more guards can be had.
  struct fresh_stack {
    std::uint32_t index;
    std::uint32_t guard;
  };
  [[nodiscard]] fresh_stack reserve(const slab_policy& policy);
  // Its header, which touches its first page. Not under the lock: the page fault takes over a microsecond.
  [[nodiscard]] stack* make(fresh_stack reserved) noexcept;

  // The one that has this address in its guard or in itself, if it has been handed out before.
  [[nodiscard]] stack* find(const void* address) const noexcept;

  [[nodiscard]] bool all_home() const noexcept { return out_ == 0; }
  [[nodiscard]] std::uint32_t out() const noexcept { return out_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return count_ * layout_.stride; }
  [[nodiscard]] std::uint32_t count() const noexcept { return count_; }
  [[nodiscard]] std::uint32_t idle() const noexcept { return fresh_ - out_; }  // used before and home

  std::size_t position = 0;  // its pool's: where it stands among the slabs of its class

 private:
  [[nodiscard]] std::byte* at(std::uint32_t index) const noexcept { return base_ + index * layout_.stride; }
  [[nodiscard]] stack* header(std::uint32_t index) const noexcept;
  void map(std::size_t wanted);
  void guard_all() noexcept;

  std::byte* base_ = nullptr;
  stack_layout layout_;
  unsigned size_class_;
  guard_method guards_;
  std::uint32_t count_ = 0;
  std::uint32_t fresh_ = 0;      // the first index that was never handed out
  std::uint32_t out_ = 0;        // handed out
  std::uint32_t protected_ = 0;  // guards made by mprotect: [0, protected_); those after them were refused
  stack* used_ = nullptr;        // home and used before
};

}  // namespace weft::detail
