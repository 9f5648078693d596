// SPDX-License-Identifier: BSL-1.0
// What the template of context variables stands on: bindings, the tokens of set(), and how the caller's are changed.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>
#include <weft/detail/base/counted_pointer.hpp>

namespace weft::detail {

// One value that a variable was set to. Shared by all who inherited it, and by tokens; never changed.
struct binding {
  using destroy_function = void (*)(binding&) noexcept;

  binding(std::uint64_t which, destroy_function how) noexcept : variable(which), destroy(how) {}
  binding(const binding&) = delete;
  binding& operator=(const binding&) = delete;

  void share() noexcept { references.fetch_add(1, std::memory_order_relaxed); }  // kept alive by who has it
  void let_go() noexcept {
    // acq_rel: what others did with the value happens before its end.
    if (references.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy(*this);
  }

  const std::uint64_t variable;
  const destroy_function destroy;
  std::atomic<std::uint32_t> references{1};
  std::atomic<bool> undone{false};  // the token of this set() was reset
};

using binding_pointer = counted_pointer<binding>;

// How to take a set() back: once, where it was done.
class context_token {
 public:
  context_token() noexcept = default;
  context_token(binding_pointer now, binding_pointer before, std::uint64_t place) noexcept
      : now_(std::move(now)), before_(std::move(before)), place_(place) {}

  [[nodiscard]] const binding_pointer& now() const noexcept { return now_; }
  [[nodiscard]] const binding_pointer& before() const noexcept { return before_; }
  [[nodiscard]] std::uint64_t place() const noexcept { return place_; }

 private:
  binding_pointer now_;
  binding_pointer before_;   // null: the variable was not set
  std::uint64_t place_ = 0;  // the number of the fiber, task or thread
};

// A number that no other variable has.
[[nodiscard]] std::uint64_t new_context_variable() noexcept;
// What the caller's fiber, task or thread has for that variable; null if it is not set. Stays until the caller changes it.
[[nodiscard]] const binding* find_binding(std::uint64_t variable) noexcept;
// Sets the binding's variable for the caller. Throws bad_alloc.
[[nodiscard]] context_token bind(binding_pointer what);
// Throws std::system_error and bad_alloc; nothing has changed then.
void unbind(std::uint64_t variable, const context_token& token);
// Nothing, if the token is not the caller's. Without memory the program ends.
void unbind_here(const context_token& token) noexcept;

}  // namespace weft::detail
