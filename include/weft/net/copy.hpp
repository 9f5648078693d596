// SPDX-License-Identifier: BSL-1.0
// From one stream into another.
#pragma once

#include <cstdint>
#include <span>
#include <system_error>
#include <weft/base/deadline.hpp>
#include <weft/detail/net/buffer_pool.hpp>
#include <weft/detail/net/transfer_note.hpp>
#include <weft/net/error.hpp>
#include <weft/net/stream.hpp>

namespace weft::net {

// Reads `from` to its end and writes all of it to `to`, a block at a time: nothing more is read before what was is written,
// so a slow `to` holds `from` back. Does not close or flush either. How many bytes; when something fails, partial_io says
// how many were written, and when `cancelled` leaves it, this_fiber::last_transferred(). May park.
template <readable_stream From, writable_stream To> std::uint64_t copy(From& from, To& to, deadline until = never) {
  const struct block {
    std::byte* memory = detail::buffer_pool::take();
    block() = default;
    block(const block&) = delete;
    block& operator=(const block&) = delete;
    ~block() { detail::buffer_pool::give_back(memory); }
  } buffer;
  std::size_t written = 0;
  const detail::transfer_note note(written);
  try {
    for (;;) {
      const std::size_t count = from.read_some(std::span(buffer.memory, detail::buffer_pool::block_size), until);
      if (count == 0) return written;
      for (const_buffer rest(buffer.memory, count); !rest.empty();) {
        const std::size_t taken = to.write_some(rest, until);
        written += taken;
        rest = rest.subspan(taken);
      }
    }
  } catch (const std::system_error& e) {
    throw partial_io(e, written);
  }
}
// The same; a failure goes into `ec`.
template <readable_stream From, writable_stream To>
std::uint64_t copy(From& from, To& to, deadline until, std::error_code& ec) {
  try {
    ec.clear();
    return copy(from, to, until);
  } catch (const partial_io& e) {
    ec = e.code();
    return e.transferred();
  }
}
template <readable_stream From, writable_stream To> std::uint64_t copy(From& from, To& to, std::error_code& ec) {
  return copy(from, to, never, ec);
}
// Between two of one type std::copy, which an error_code or a duration brings along, would do as well.
template <stream Both> std::uint64_t copy(Both& from, Both& to, std::error_code& ec) {
  return copy(from, to, never, ec);
}
template <stream Both, class Rep, class Period>
std::uint64_t copy(Both& from, Both& to, std::chrono::duration<Rep, Period> from_now) {
  return copy(from, to, deadline(from_now));
}
template <stream Both, class Clock, class Duration>
std::uint64_t copy(Both& from, Both& to, std::chrono::time_point<Clock, Duration> until) {
  return copy(from, to, deadline(until));
}

}  // namespace weft::net
