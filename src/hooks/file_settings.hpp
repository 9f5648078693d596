// SPDX-License-Identifier: BSL-1.0
// What a program sets on its open files that decides how long a call on them waits: O_NONBLOCK, SO_RCVTIMEO, SO_SNDTIMEO;
// and for how much: SO_RCVLOWAT, which is asked for once anybody in the process has set it.
//
// They belong to the open file, which several numbers may name, so the kernel is asked when a call is about to park. Only
// that a file blocks, and that it has no timeout, is remembered, beside what the file is, for as long as nobody in the
// process sets anything of the kind, and until a call has waited for as long as it takes to look whose the number is. So
// what another process sets on a shared file afterwards, or somebody by way of syscall(2), is noticed late.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <weft/base/deadline.hpp>

#include "poll/descriptor.hpp"

namespace weft::detail {

class file_settings {
 public:
  // A point in the history of what the process sets. Zero is no point.
  using moment = std::uint32_t;
  static constexpr moment last_moment = (1u << 24) - 1;  // then nothing is remembered any more

  // Somebody has made a file non-blocking, or has set a timeout.
  static void change() noexcept;
  // acquire: pairs with `change`, so that what was set before is what the kernel tells.
  [[nodiscard]] static moment now() noexcept { return now_.load(std::memory_order_acquire); }

  // One system call. False for a bad number.
  [[nodiscard]] static bool is_nonblocking(int fd) noexcept;
  // Until when a call on this socket waits that begins to wait now. One system call.
  [[nodiscard]] static deadline limit_of(int fd, direction which) noexcept;

  // Somebody has set SO_RCVLOWAT.
  static void set_low_mark() noexcept { has_low_marks_.store(true, std::memory_order_relaxed); }
  // Whether anybody has. Relaxed: who reads a socket that another thread has prepared has heard so from it.
  [[nodiscard]] static bool has_low_marks() noexcept { return has_low_marks_.load(std::memory_order_relaxed); }
  // How many bytes a receive on this stream waits for, of those that it wants. A system call if there are low marks.
  [[nodiscard]] static std::size_t least_of(int fd, std::size_t wanted) noexcept {
    return has_low_marks() ? ask_least_of(fd, wanted) : std::min<std::size_t>(1, wanted);
  }

 private:
  static std::size_t ask_least_of(int fd, std::size_t wanted) noexcept;

  static constinit inline std::atomic<moment> now_{1};
  static constinit inline std::atomic<bool> has_low_marks_{false};
};

}  // namespace weft::detail
