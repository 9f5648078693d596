// SPDX-License-Identifier: BSL-1.0
// A line of text put together without allocation or locale, for signal handlers. Async-signal-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weft::detail {

class raw_line {
 public:
  // What does not fit is cut off.
  raw_line& text(std::string_view s) noexcept;
  raw_line& number(std::uint64_t n) noexcept;
  raw_line& hex(std::uint64_t n) noexcept;
  // Ends the line, writes it whole as far as fd takes it, and begins anew. Keeps errno.
  void write_to(int fd) noexcept;
  [[nodiscard]] std::string_view view() const noexcept { return {buffer_.data(), used_}; }

 private:
  raw_line& digits(std::uint64_t n, unsigned base) noexcept;

  std::size_t used_ = 0;
  std::array<char, 1024> buffer_;
};

}  // namespace weft::detail
