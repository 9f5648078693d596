// SPDX-License-Identifier: BSL-1.0
// A cancel scope as long as a C++ block: what with_deadline() and shield() put around the body.
#pragma once

#include <cstddef>
#include <weft/base/deadline.hpp>

namespace weft::detail {

class cancel_frame {
 public:
  enum class kind : bool { deadline, shield };

  // Fiber only: operation_not_permitted elsewhere.
  cancel_frame(kind what, deadline until);
  cancel_frame(const cancel_frame&) = delete;
  cancel_frame& operator=(const cancel_frame&) = delete;
  ~cancel_frame();

  // Whether a `cancelled` that leaves the body is this frame's own: its deadline passed, and nothing outside is cancelled.
  [[nodiscard]] bool cut_short() const noexcept;
  [[noreturn]] void throw_timed_out() const;

 private:
  alignas(16) std::byte room_[128];  // a cancel_scope
};

}  // namespace weft::detail
