// SPDX-License-Identifier: BSL-1.0
// What all three hello servers do between two reads: bytes in, answers out. They differ only in how bytes come and go.
#pragma once

#include "request_parser.hpp"

#include <charconv>
#include <cstddef>
#include <ctime>
#include <string>
#include <string_view>

namespace http {

inline std::string_view reason(int status) noexcept {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 405:
      return "Method Not Allowed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 431:
      return "Request Header Fields Too Large";
    case 501:
      return "Not Implemented";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Unknown";
  }
}

// A Date field as RFC 9110 asks of a server with a clock, made anew once a second.
inline std::string_view date_field() {
  struct made {
    std::time_t second = -1;
    char text[64];
    std::size_t size = 0;
  };
  thread_local made last;
  timespec now{};
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  if (now.tv_sec != last.second) {
    static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::tm utc{};
    gmtime_r(&now.tv_sec, &utc);
    char format[48];  // strftime's own names of days and months follow the locale; the protocol's do not
    const std::string_view day = days[utc.tm_wday], month = months[utc.tm_mon];
    std::size_t size = 0;
    for (const std::string_view part : {std::string_view("Date: "), day, std::string_view(", %d "), month,
                                        std::string_view(" %Y %H:%M:%S GMT\r\n")}) {
      size += part.copy(format + size, sizeof format - 1 - size);
    }
    format[size] = '\0';
    last.size = std::strftime(last.text, sizeof last.text, format, &utc);
    last.second = now.tv_sec;
  }
  return {last.text, last.size};
}

class hello_session {
 public:
  explicit hello_session(const limits& bounds = request_parser::default_limits) noexcept : parser_(bounds) {}

  // Appends the answers to all requests that `input` completes. False: send `out`, then close.
  [[nodiscard]] bool respond(std::string_view input, std::string& out) {
    for (;;) {
      switch (parser_.next(input)) {
        case parsed::need_more:
          return true;
        case parsed::expects_continue:
          out += "HTTP/1.1 100 Continue\r\n\r\n";
          break;
        case parsed::complete:
          answer(parser_.get(), out);
          if (!parser_.get().keep_alive) return false;
          break;
        case parsed::bad:
          put_head(parser_.status(), 0, "Connection: close\r\n", out);
          return false;
      }
    }
  }

 private:
  static void answer(const request& asked, std::string& out) {
    static constexpr std::string_view greeting = "Hello, world!\n";
    const std::string_view connection = !asked.keep_alive          ? "Connection: close\r\n"
                                        : asked.minor_version == 0 ? "Connection: keep-alive\r\n"
                                                                   : "";
    if (asked.method == "GET") {
      put_head(200, greeting.size(), connection, out);
      out += greeting;
    } else if (asked.method == "HEAD") {
      put_head(200, greeting.size(), connection, out);
    } else if (asked.method == "POST") {  // says how much came: what the tests of bodies look at
      const std::string text = "received " + std::to_string(asked.body.size()) + " bytes\n";
      put_head(200, text.size(), connection, out);
      out += text;
    } else {
      put_head(405, 0, connection, out);
    }
  }

  static void put_head(int status, std::size_t body, std::string_view connection, std::string& out) {
    if (status == 200) {
      out += "HTTP/1.1 200 OK\r\n";
    } else {
      out += "HTTP/1.1 ";
      out += std::to_string(status);
      out += ' ';
      out += reason(status);
      out += status == 405 ? "\r\nAllow: GET, HEAD, POST\r\n" : "\r\n";
    }
    out += date_field();
    out += connection;
    out += "Content-Type: text/plain\r\nContent-Length: ";
    char digits[20];
    out.append(digits, std::to_chars(digits, digits + sizeof digits, body).ptr);
    out += "\r\n\r\n";
  }

  request_parser parser_;
};

}  // namespace http
