// SPDX-License-Identifier: BSL-1.0
// The bytes and words of HTTP, as RFC 9110 sorts them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace http {

constexpr std::array<bool, 256> make_token_table() {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<std::size_t>(c)] = true;
  return table;
}
inline constexpr std::array<bool, 256> token_table = make_token_table();
inline bool is_token(char c) noexcept { return token_table[static_cast<unsigned char>(c)]; }
inline bool is_visible(char c) noexcept { return c > 0x20 && c < 0x7f; }
inline bool is_text(char c) noexcept {  // a field's value: what is visible, spaces, tabs, bytes above ASCII
  const auto u = static_cast<unsigned char>(c);
  return u >= 0x20 ? u != 0x7f : u == '\t';
}

// The first byte from `at` on that is no text. Eight at a time: values are most of a head.
inline const char* skip_text(const char* at, const char* end) noexcept {
  constexpr std::uint64_t ones = ~std::uint64_t{0} / 255;
  constexpr std::uint64_t high = ones * 0x80;
  while (end - at >= 8) {
    std::uint64_t eight;
    std::memcpy(&eight, at, 8);
    const std::uint64_t below_space = (eight - ones * 0x20) & ~eight & high;
    const std::uint64_t no_delete = eight ^ (ones * 0x7f);
    const std::uint64_t is_delete = (no_delete - ones) & ~no_delete & high;
    if ((below_space | is_delete) != 0) break;
    at += 8;
  }
  while (at != end && is_text(*at)) ++at;
  return at;
}

// Is `text` equal to `lower`, which is in lower case, but for the case of ASCII letters?
inline bool same_name(std::string_view text, std::string_view lower) noexcept {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c) != lower[i]) return false;
  }
  return true;
}

inline std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

inline int hex_digit(char c) noexcept {  // -1: none
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Calls f with each member of a comma-separated list.
template <class F> void for_each_member(std::string_view list, F&& f) {
  for (;;) {
    const std::size_t comma = list.find(',');
    f(trimmed(list.substr(0, comma)));
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

}  // namespace http
