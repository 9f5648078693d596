// SPDX-License-Identifier: BSL-1.0
// The steps of a select, whoever performs it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <weft/detail/sync/select_case.hpp>

namespace weft::detail {

// Which of the cases are no channel's.
struct select_ends {
  explicit select_ends(select_cases cases) noexcept;

  std::size_t otherwise = selected::none;
  std::size_t timeout = selected::none;  // the earliest
  deadline until;
};

// [select-1] `random`: any number.
[[nodiscard]] selected select_alone(select_cases cases, std::uint64_t random) noexcept;

// All channels of a select, locked.
class select_locks {
 public:
  explicit select_locks(select_cases cases) noexcept;
  select_locks(const select_locks&) = delete;
  select_locks& operator=(const select_locks&) = delete;
  ~select_locks() { unlock(); }

  // [select-2] The caller owes the partner an unpark, after the unlock.
  [[nodiscard]] selected try_all(std::uint64_t random, waiter*& partner) noexcept;
  // [select-3]
  void show_all(waiter& who, claim::ticket ticket) noexcept;
  void unlock() noexcept;

 private:
  select_cases cases_;
  std::size_t count_ = 0;  // of those that are a channel's
  bool locked_ = true;
  std::array<std::uint8_t, select_case::most> order_;  // their indices, by address
};

// [select-4] `index` is `none` when no node was chosen.
[[nodiscard]] selected withdraw_all(select_cases cases) noexcept;

// A random number for a plain thread.
[[nodiscard]] std::uint64_t draw_on_thread() noexcept;

}  // namespace weft::detail
