// SPDX-License-Identifier: BSL-1.0
// The values that one fiber or thread has of all fiber-locals.
#pragma once

#include <vector>
#include <weft/detail/fiber/local_slot.hpp>

namespace weft::detail {

// Owner only.
class local_values {
 public:
  local_values() = default;
  local_values(const local_values&) = delete;
  local_values& operator=(const local_values&) = delete;

  [[nodiscard]] local_value* find(std::size_t index, std::uint64_t variable) const noexcept {
    local_value* const found = index < slots_.size() ? slots_[index] : nullptr;
    return found && found->variable == variable ? found : nullptr;
  }
  // Room for that index. Throws bad_alloc.
  void widen(std::size_t index) {
    if (index >= slots_.size()) slots_.resize(index + 1);
  }
  // What was there before, remnant or not; it is the caller's now.
  [[nodiscard]] local_value* put(local_value& fresh) noexcept;
  [[nodiscard]] local_value* take(std::size_t index) noexcept;
  [[nodiscard]] local_value* newest() const noexcept { return newest_; }

  // Ends them, the newest first, and those that are made meanwhile, and what holds them.
  static void end_all(local_values*& place) noexcept;

 private:
  std::vector<local_value*> slots_;
  local_value* newest_ = nullptr;
};

}  // namespace weft::detail
