// SPDX-License-Identifier: BSL-1.0
// Reads of terminals whose modes say for how much they wait, and how long (termios(3): VMIN and VTIME, without ICANON).
//
// poll(2) calls a terminal ready when there is VMIN, or anything if there is a VTIME. A read(2) is content with less if less
// is asked for, or with nothing, or when a time has passed; and with a VTIME it waits for VMIN, as long as more comes.
#pragma once

#include <sys/uio.h>

#include <chrono>
#include <cstddef>
#include <optional>

#include "hooks/file_call.hpp"

namespace weft::detail {

struct terminal_modes {
  std::size_t least;               // VMIN
  std::chrono::nanoseconds pause;  // VTIME; zero is none

  // None for what is no terminal, and for those of which poll(2) says all. Up to two system calls.
  [[nodiscard]] static std::optional<terminal_modes> of(int fd) noexcept;
};

// May park. A read(2) of at least one byte.
[[nodiscard]] tried read_terminal(file_call& call, int fd, const iovec* parts, int count,
                                  terminal_modes modes) noexcept;

}  // namespace weft::detail
