// SPDX-License-Identifier: BSL-1.0
// A body in chunks (RFC 9112, 7.1): the data is joined, extensions and trailers are read and dropped.
#pragma once

#include "grammar.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace http {

class chunk_parser {
 public:
  // Takes bytes from the front of `input` until the body has ended, which `ended` says then, and appends the data to
  // `body`. The status to refuse with, or 0. `longest_line`: also of all trailers together.
  [[nodiscard]] int parse(std::string_view& input, std::string& body, std::size_t longest_body,
                          std::size_t longest_line) {
    while (!input.empty() && !ended()) {
      if (at_ == place::data) {
        const std::string_view taken = input.substr(0, left_);
        body += taken;
        left_ -= taken.size();
        input.remove_prefix(taken.size());
        if (left_ == 0) at_ = place::data_return;
        continue;
      }
      const char c = input.front();
      input.remove_prefix(1);
      if (++line_size_ > longest_line) return 431;
      if (!framing(c)) return 400;
      if (at_ == place::size && left_ > longest_body - body.size()) return 413;
    }
    return 0;
  }
  [[nodiscard]] bool ended() const noexcept { return at_ == place::end; }

 private:
  enum class place : std::uint8_t {
    size_first,
    size,
    extension,
    size_line_feed,
    data,
    data_return,
    data_line_feed,
    trailer_first,
    trailer,
    trailer_line_feed,
    last_line_feed,
    end
  };

  bool go_on(place next) noexcept {
    at_ = next;
    return true;
  }

  // One byte of what lies between the data of chunks. False: it does not belong there.
  bool framing(char c) noexcept {
    switch (at_) {
      case place::size_first:
        left_ = 0;
        return hex_digit(c) >= 0 && more_size(hex_digit(c));
      case place::size:
        if (hex_digit(c) >= 0) return more_size(hex_digit(c));
        if (c == '\r') return go_on(place::size_line_feed);
        return (c == ';' || c == ' ' || c == '\t') && go_on(place::extension);
      case place::extension:
        return c == '\r' ? go_on(place::size_line_feed) : is_text(c);
      case place::size_line_feed:
        line_size_ = 0;
        return c == '\n' && go_on(left_ != 0 ? place::data : place::trailer_first);
      case place::data_return:
        return c == '\r' && go_on(place::data_line_feed);
      case place::data_line_feed:
        return c == '\n' && go_on(place::size_first);
      case place::trailer_first:
        return c == '\r' ? go_on(place::last_line_feed) : is_token(c) && go_on(place::trailer);
      case place::trailer:
        return c == '\r' ? go_on(place::trailer_line_feed) : is_text(c);
      case place::trailer_line_feed:
        return c == '\n' && go_on(place::trailer_first);
      case place::last_line_feed:
        return c == '\n' && go_on(place::end);
      case place::data:
      case place::end:
        break;
    }
    return false;
  }

  // The caller refuses what is too large before the next digit: no overflow.
  bool more_size(int digit) noexcept {
    left_ = left_ * 16 + static_cast<std::size_t>(digit);
    return go_on(place::size);
  }

  std::size_t left_ = 0;  // of this chunk
  std::size_t line_size_ = 0;
  place at_ = place::size_first;
};

}  // namespace http
