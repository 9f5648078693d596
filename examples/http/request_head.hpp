// SPDX-License-Identifier: BSL-1.0
// The head of an HTTP/1.1 request (RFC 9112): the request line, the fields, and what they say about the body.
#pragma once

#include "grammar.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace http {

struct limits {
  std::size_t request_line = 4096;  // beyond: 414
  std::size_t head = 8192;          // request line and fields; beyond: 431
  std::size_t fields = 100;         // beyond: 431
  std::size_t body = 1 << 20;       // beyond: 413
};

struct request {
  std::string_view method;
  std::string_view target;
  std::string_view fields;  // the field lines, each with its line end, found valid
  std::string_view body;    // without the framing of chunks
  int minor_version = 1;    // HTTP/1.x
  bool keep_alive = true;

  // The first field of that name, which is given in lower case.
  [[nodiscard]] std::optional<std::string_view> field(std::string_view lower_name) const noexcept {
    for (std::string_view rest = fields; !rest.empty();) {
      const std::size_t end = rest.find("\r\n");
      const std::string_view line = rest.substr(0, end);
      const std::size_t colon = line.find(':');
      if (same_name(line.substr(0, colon), lower_name)) return trimmed(line.substr(colon + 1));
      rest.remove_prefix(end + 2);
    }
    return std::nullopt;
  }
};

// Whatever two parsers could understand differently (a bare line feed, two lengths, a folded line) is refused, since a
// proxy in front of us might have understood it the other way.
class head_parser {
 public:
  static constexpr std::size_t incomplete = 0;
  static constexpr std::size_t refused = static_cast<std::size_t>(-1);

  explicit head_parser(const limits& bounds) noexcept : limits_(&bounds) {}

  // Reads a head from the front of `bytes`. Its size, or `incomplete`, or `refused`. Errors are found in the order of
  // the bytes, the limits too, so that a split changes nothing.
  [[nodiscard]] std::size_t parse(std::string_view bytes) {
    const bool cut = bytes.size() > limits_->head;
    const char* const begin = bytes.data();
    const char* const end = begin + (cut ? limits_->head : bytes.size());
    const char* at = begin;
    while (at != end && *at == '\r') {  // empty lines before a request are ignored
      if (++at == end) return cut ? refuse(431) : incomplete;
      if (*at++ != '\n') return refuse(400);
    }
    at = parse_request_line(at, end);
    if (at == nullptr) return status_ != 0 ? refused : cut ? refuse(431) : incomplete;
    const char* const fields = at;
    known_fields known;
    for (std::size_t count = 0;; ++count) {
      if (at == end) return cut ? refuse(431) : incomplete;
      if (*at == '\r') break;
      if (count == limits_->fields) return refuse(431);
      at = parse_field(at, end, known);
      if (at == nullptr) return status_ != 0 ? refused : cut ? refuse(431) : incomplete;
    }
    request_.fields = std::string_view(fields, static_cast<std::size_t>(at - fields));
    if (++at == end) return cut ? refuse(431) : incomplete;
    if (*at++ != '\n') return refuse(400);
    if (!conclude(known)) return refused;
    return static_cast<std::size_t>(at - begin);
  }

  [[nodiscard]] request& get() noexcept { return request_; }
  [[nodiscard]] const request& get() const noexcept { return request_; }
  [[nodiscard]] const limits& bounds() const noexcept { return *limits_; }
  [[nodiscard]] int status() const noexcept { return status_; }  // why it was refused
  [[nodiscard]] bool chunked() const noexcept { return chunked_; }
  [[nodiscard]] std::size_t length() const noexcept { return length_; }  // of the body, if not chunked
  [[nodiscard]] bool expects_continue() const noexcept { return expects_continue_; }

 private:
  std::size_t refuse(int status) noexcept {
    status_ = status;
    return refused;
  }

  // Behind the line; nullptr: incomplete, or refused if a status was set.
  const char* parse_request_line(const char* at, const char* end) {
    const bool cut = static_cast<std::size_t>(end - at) > limits_->request_line;
    if (cut) end = at + limits_->request_line;
    const auto stop = [&](const char* where) -> const char* {
      if (where != end)
        refuse(400);
      else if (cut)
        refuse(414);
      return nullptr;
    };
    const char* start = at;
    while (at != end && is_token(*at)) ++at;
    if (at == end || *at != ' ' || at == start) return stop(at);
    request_.method = std::string_view(start, static_cast<std::size_t>(at - start));
    start = ++at;
    while (at != end && is_visible(*at)) ++at;
    if (at == end || *at != ' ' || at == start) return stop(at);
    request_.target = std::string_view(start, static_cast<std::size_t>(at - start));
    ++at;
    for (const char expected : std::string_view("HTTP/")) {
      if (at == end || *at != expected) return stop(at);
      ++at;
    }
    const char* const version = at;
    for (int i = 0; i < 3; ++i, ++at) {
      if (at == end || (i == 1 ? *at != '.' : (*at < '0' || *at > '9'))) return stop(at);
    }
    if (version[0] != '1') {
      refuse(505);
      return nullptr;
    }
    request_.minor_version = version[2] - '0';
    for (const char expected : {'\r', '\n'}) {
      if (at == end || *at != expected) return stop(at);
      ++at;
    }
    return at;
  }

  // What the fields seen so far say about the connection and the body.
  struct known_fields {
    int hosts = 0;
    bool has_length = false, has_coding = false, close = false, keep_alive = false, expects_continue = false;
    std::uint64_t length = 0;
  };

  const char* parse_field(const char* at, const char* end, known_fields& known) {
    const auto stop = [&](const char* where) -> const char* {
      if (where != end) refuse(400);
      return nullptr;
    };
    const char* const start = at;
    while (at != end && is_token(*at)) ++at;
    if (at == end || *at != ':' || at == start) return stop(at);  // also a folded line, also a space before the colon
    const std::string_view name(start, static_cast<std::size_t>(at - start));
    const char* const value = ++at;
    at = skip_text(at, end);
    const char* const value_end = at;
    for (const char expected : {'\r', '\n'}) {
      if (at == end || *at != expected) return stop(at);
      ++at;
    }
    if (interesting(name.size()) &&
        !note(name, trimmed(std::string_view(value, static_cast<std::size_t>(value_end - value))), known)) {
      return nullptr;
    }
    return at;
  }

  // The names that `note` knows are told from most others by their length.
  static bool interesting(std::size_t length) noexcept {
    return length <= 17 && ((1U << length) & (1U << 4 | 1U << 6 | 1U << 10 | 1U << 14 | 1U << 17)) != 0;
  }

  bool note(std::string_view name, std::string_view value, known_fields& known) {
    if (same_name(name, "host")) {
      if (++known.hosts > 1) refuse(400);
    } else if (same_name(name, "connection")) {
      for_each_member(value, [&](std::string_view member) {
        known.close |= same_name(member, "close");
        known.keep_alive |= same_name(member, "keep-alive");
      });
    } else if (same_name(name, "content-length")) {
      if (known.has_length || !read_length(value, known.length)) refuse(400);
      known.has_length = true;
    } else if (same_name(name, "transfer-encoding")) {
      if (known.has_coding)
        refuse(400);
      else if (!same_name(value, "chunked"))
        refuse(501);
      known.has_coding = true;
    } else if (same_name(name, "expect")) {
      known.expects_continue |= same_name(value, "100-continue");
    }
    return status_ == 0;
  }

  // Digits only; what does not fit saturates, which is beyond any limit.
  static bool read_length(std::string_view digits, std::uint64_t& length) noexcept {
    if (digits.empty()) return false;
    for (const char c : digits) {
      if (c < '0' || c > '9') return false;
      const bool fits = length <= (UINT64_MAX - 9) / 10;
      length = fits ? length * 10 + static_cast<std::uint64_t>(c - '0') : UINT64_MAX;
    }
    return true;
  }

  // What can be judged only when all fields are known.
  bool conclude(const known_fields& known) {
    if (known.hosts == 0 && request_.minor_version >= 1)
      refuse(400);
    else if (known.has_coding && (known.has_length || request_.minor_version == 0))
      refuse(400);
    else if (known.length > limits_->body)
      refuse(413);
    if (status_ != 0) return false;
    request_.keep_alive = !known.close && (request_.minor_version >= 1 || known.keep_alive);
    request_.body = {};
    chunked_ = known.has_coding;
    length_ = static_cast<std::size_t>(known.length);
    expects_continue_ = known.expects_continue && request_.minor_version >= 1;
    return true;
  }

  const limits* limits_;
  request request_;
  std::size_t length_ = 0;
  int status_ = 0;
  bool chunked_ = false;
  bool expects_continue_ = false;
};

}  // namespace http
