// SPDX-License-Identifier: BSL-1.0
// The poller over epoll: one epoll instance, edge-triggered, with an eventfd for wakes; one system call per wait.
//
// Timeouts. epoll_pwait2 takes nanoseconds, but the kernel lets a wait end late by a thousandth of its length, and by
// the thread's timer slack (50 us) at least. So a long wait is cut short, and its rest, which the caller comes back
// with, is short enough for the slack alone (a second: 90 us late instead of 1,400; 25 us with PR_SET_TIMERSLACK 1).
// Where the call is missing (before Linux 5.11, in old sandboxes) the milliseconds of epoll_wait are rounded up.
#pragma once

#include <sys/epoll.h>
#include <sys/types.h>

#include <array>
#include <cstdint>

#include "poll/poller.hpp"

namespace weft::detail {

class epoll_poller final : public poller {
 public:
  // How a wait is told its timeout; `automatic` tries nanoseconds first.
  enum class timeouts : std::uint8_t { automatic, milliseconds };

  explicit epoll_poller(timeouts how = timeouts::automatic);
  ~epoll_poller() override;

  void attach(descriptor& which) override;
  void detach(descriptor& which) noexcept override;
  [[nodiscard]] bool still_hears(descriptor& which) noexcept override;
  void wait(std::int64_t timeout, wake_list& woken) override;
  void wake() noexcept override;

 private:
  static constexpr int batch_size = 256;

  [[nodiscard]] int collect(std::int64_t timeout) noexcept;
  [[nodiscard]] bool is_foreign() const noexcept;

  int epoll_ = -1;
  int event_ = -1;
  bool nanoseconds_;
  pid_t process_;
  std::array<epoll_event, batch_size> batch_;
};

}  // namespace weft::detail
