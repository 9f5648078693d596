// SPDX-License-Identifier: BSL-1.0
// Where a fiber, a task or a thread keeps its context variables, and how they are handed down.
//
// Invariants
//  - `context_values` is shared by everybody who inherited it and is not changed while more than one has it. The only one
//    who has it may change it: nobody else can get at it but through that one's place.
//  - A place belongs to its fiber, task or thread; before the start of a fiber or task, to whoever starts it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <weft/detail/sched/context_token.hpp>

namespace weft::detail {

// Some bindings, at most one for each variable, in the order of the variables' numbers.
class context_values {
 public:
  [[nodiscard]] static context_values* make(std::size_t count);  // throws bad_alloc; the bindings are null
  context_values(const context_values&) = delete;
  context_values& operator=(const context_values&) = delete;

  void share() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }  // by one who has it
  void let_go() noexcept;
  // acquire: what the others read, they read before it changes.
  [[nodiscard]] bool is_shared() const noexcept { return references_.load(std::memory_order_acquire) > 1; }

  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  [[nodiscard]] binding_pointer* begin() noexcept { return reinterpret_cast<binding_pointer*>(this + 1); }
  [[nodiscard]] binding_pointer* end() noexcept { return begin() + count_; }
  [[nodiscard]] binding_pointer* find(std::uint64_t variable) noexcept;

 private:
  explicit context_values(std::size_t count) noexcept : count_(count) {}

  std::atomic<std::size_t> references_{1};
  const std::size_t count_;
};

struct context_place {
  context_values* values = nullptr;
  std::uint64_t number = 0;  // in tokens; given with the first set()

  // Of the creator's values, for a fiber or task that has none yet.
  void inherit(const context_place& from) noexcept {
    values = from.values;
    if (values) values->share();
  }
  void clear() noexcept {
    while (values) std::exchange(values, nullptr)->let_go();  // a value that ends may set others
    number = 0;
  }
};

// For as long as it lives, the calling thread's variables are those. Plain threads only.
class borrowed_context {
 public:
  explicit borrowed_context(context_place& of) noexcept : of_(of) { swap(); }
  borrowed_context(const borrowed_context&) = delete;
  borrowed_context& operator=(const borrowed_context&) = delete;
  ~borrowed_context() { swap(); }

 private:
  void swap() noexcept;

  context_place& of_;
};

// The caller's. `to_change` tells a fiber or task that it must clear its place when it ends. Call it on entry, or after a
// switch: it looks anew.
[[nodiscard]] context_place& context_place_here(bool to_change) noexcept;

}  // namespace weft::detail
