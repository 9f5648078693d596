// SPDX-License-Identifier: BSL-1.0
// The seam through which a runtime reads time; a simulated runtime puts a virtual clock behind it.
#pragma once

#include <cstdint>

namespace weft::detail {

class clock {
 public:
  virtual ~clock() = default;
  // Any thread. Nanoseconds of the steady clock, the scale of `deadline::to_nanoseconds`. Never goes back.
  [[nodiscard]] virtual std::int64_t now() noexcept = 0;
};

// The machine's steady clock.
class system_clock_source final : public clock {
 public:
  [[nodiscard]] std::int64_t now() noexcept override;
  // There is one clock, so there is one source.
  static system_clock_source& instance() noexcept;
};

}  // namespace weft::detail
