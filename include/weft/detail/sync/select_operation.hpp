// SPDX-License-Identifier: BSL-1.0
// select for the co_await of a task.
#pragma once

#include <cstdint>
#include <weft/detail/stackless/operation.hpp>
#include <weft/detail/sync/select_case.hpp>

namespace weft::detail {

class select_step : public operation {
 protected:
  explicit select_step(select_cases cases) noexcept : operation(&proceed), cases_(cases) {}

  // After the co_await. Throws channel_closed for a case that sends, and `cancelled`.
  [[nodiscard]] std::size_t finish() const;

 private:
  enum class course : std::uint8_t { fresh, yielded, waiting, decided, cancelled };

  static bool proceed(operation& self) noexcept;
  [[nodiscard]] course start() noexcept;
  [[nodiscard]] course try_or_wait() noexcept;
  [[nodiscard]] course after_wait() noexcept;

  const select_cases cases_;
  task_wait wait_;
  selected chosen_;
  course course_ = course::fresh;
};

}  // namespace weft::detail
