// SPDX-License-Identifier: BSL-1.0
// The forms of reading and writing for streams that are no sockets: what becomes of a result is the same for all of them.
//
// `Stream` has, for these alone (it makes them friends): `read(span, deadline)`, `read_all(span, deadline)`,
// `write(span, deadline)` and `write_all_of(span, deadline)`, which give an `io_result`, and `describe(what)`, which says
// for an error what was done to whom.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <weft/base/deadline.hpp>
#include <weft/base/error.hpp>
#include <weft/detail/net/socket_handle.hpp>
#include <weft/net/error.hpp>
#include <weft/net/stream.hpp>

namespace weft::detail {

// `text`: what was done to whom. Not for a zero error.
[[noreturn, gnu::cold]] void fail_io(int error, const std::string& text);
[[noreturn, gnu::cold]] void fail_io_partly(io_result r, const std::string& text);

inline std::size_t or_note(io_result r, std::error_code& ec) noexcept {
  ec = r.error ? to_error_code(r.error) : std::error_code();
  return r.bytes;
}

template <class Stream> class reading_forms {
 public:
  // Reads what is there, at most the span; waits only if there is nothing. 0: the end (or an empty span).
  std::size_t read_some(std::span<std::byte> into, deadline until = never) {
    const io_result r = self().read(into, until);
    if (r.error) [[unlikely]]
      fail_io(r.error, self().describe("read from"));
    return r.bytes;
  }
  std::size_t read_some(std::span<std::byte> into, std::error_code& ec) {
    return or_note(self().read(into, never), ec);
  }
  std::size_t read_some(std::span<std::byte> into, deadline until, std::error_code& ec) {
    return or_note(self().read(into, until), ec);
  }

  // Fills the whole span. Throws partial_io, or end_of_stream. The forms with an error_code return what they read.
  void read_exact(std::span<std::byte> into, deadline until = never) {
    const io_result r = self().read_all(into, until);
    if (r.error) [[unlikely]]
      fail_io_partly(r, self().describe("read from"));
  }
  std::size_t read_exact(std::span<std::byte> into, std::error_code& ec) {
    return or_note(self().read_all(into, never), ec);
  }
  std::size_t read_exact(std::span<std::byte> into, deadline until, std::error_code& ec) {
    return or_note(self().read_all(into, until), ec);
  }

 private:
  Stream& self() noexcept { return static_cast<Stream&>(*this); }
};

template <class Stream> class writing_forms {
 public:
  // Gives the kernel what it takes now; waits only if it takes nothing.
  std::size_t write_some(net::const_buffer from, deadline until = never) {
    const io_result r = self().write(from, until);
    if (r.error) [[unlikely]]
      fail_io(r.error, self().describe("write to"));
    return r.bytes;
  }
  std::size_t write_some(net::const_buffer from, std::error_code& ec) { return or_note(self().write(from, never), ec); }
  std::size_t write_some(net::const_buffer from, deadline until, std::error_code& ec) {
    return or_note(self().write(from, until), ec);
  }

  // Writes everything. Throws partial_io. The forms with an error_code return what they wrote.
  void write_all(net::const_buffer from, deadline until = never) {
    const io_result r = self().write_all_of(from, until);
    if (r.error) [[unlikely]]
      fail_io_partly(r, self().describe("write to"));
  }
  std::size_t write_all(net::const_buffer from, std::error_code& ec) {
    return or_note(self().write_all_of(from, never), ec);
  }
  std::size_t write_all(net::const_buffer from, deadline until, std::error_code& ec) {
    return or_note(self().write_all_of(from, until), ec);
  }
  void write_all(std::string_view from, deadline until = never) { write_all(bytes_of(from), until); }
  std::size_t write_all(std::string_view from, std::error_code& ec) { return write_all(bytes_of(from), ec); }
  std::size_t write_all(std::string_view from, deadline until, std::error_code& ec) {
    return write_all(bytes_of(from), until, ec);
  }

 private:
  Stream& self() noexcept { return static_cast<Stream&>(*this); }
  static net::const_buffer bytes_of(std::string_view text) noexcept { return std::as_bytes(std::span(text)); }
};

}  // namespace weft::detail
