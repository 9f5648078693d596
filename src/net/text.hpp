// SPDX-License-Identifier: BSL-1.0
// Text in error messages that came from outside, addresses among it.
#pragma once

#include <string>
#include <string_view>
#include <weft/net/address.hpp>

namespace weft::detail {

// Bytes that do not print become \xNN, so that a message stays one line and harmless to a terminal.
inline void append_printable(std::string& to, std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      to += c;
    } else {
      to += "\\x";
      to += digits[byte >> 4];
      to += digits[byte & 15];
    }
  }
}

// Whom or where, also if that names nothing.
[[nodiscard]] inline std::string named(const net::address& a) {
  return a.size() ? a.to_string() : "an address that names nothing";
}

}  // namespace weft::detail
