// SPDX-License-Identifier: BSL-1.0
// SO_RCVTIMEO and SO_SNDTIMEO: how long a blocking call on a socket waits.
//
// They belong to the open socket, which several numbers may name, so the kernel is asked each time that a call is about
// to park. Only "it has none" is remembered, beside what the file is, for as long as nobody in the process sets one.
// Timeouts that another process sets on a shared socket afterwards are not noticed.
#pragma once

#include <atomic>
#include <cstdint>
#include <weft/base/deadline.hpp>

#include "poll/descriptor.hpp"

namespace weft::detail {

class timeouts {
 public:
  // A point in the history of the process' timeouts. Zero is no point.
  using moment = std::uint32_t;
  static constexpr moment last_moment = (1u << 20) - 1;  // then nothing is remembered any more

  // Somebody sets one.
  static void change() noexcept;
  // acquire: pairs with `change`, so that what was set before is what the kernel tells.
  [[nodiscard]] static moment now() noexcept { return now_.load(std::memory_order_acquire); }
  // Until when a call on this socket waits that begins to wait now. Up to one system call.
  [[nodiscard]] static deadline limit_of(int fd, direction which) noexcept;

 private:
  static constinit inline std::atomic<moment> now_{1};
};

}  // namespace weft::detail
