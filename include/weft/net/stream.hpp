// SPDX-License-Identifier: BSL-1.0
// What it takes to be a stream: the two operations on which `buffered` builds.
#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <weft/base/deadline.hpp>

namespace weft::net {

using const_buffer = std::span<const std::byte>;

// read_some fills a part of the span, at least one byte, and returns how many; 0 at the end of the stream.
template <class S>
concept readable_stream = requires(S& s, std::span<std::byte> into, deadline until) {
  { s.read_some(into, until) } -> std::convertible_to<std::size_t>;
};

// write_some sends a part of the span, at least one byte, and returns how many.
template <class S>
concept writable_stream = requires(S& s, const_buffer from, deadline until) {
  { s.write_some(from, until) } -> std::convertible_to<std::size_t>;
};

template <class S>
concept stream = readable_stream<S> && writable_stream<S>;

// Memory that a read needs only once there is something to read, so that whoever waits on an idle connection keeps none.
class lazy_buffer {
 public:
  // Called when a read is tried. Not empty.
  [[nodiscard]] virtual std::span<std::byte> take() = 0;
  // Called when nothing came into what was taken: before a wait, at the end of the stream, after an error.
  virtual void give_back() noexcept = 0;

 protected:
  lazy_buffer() = default;
  lazy_buffer(const lazy_buffer&) = default;
  lazy_buffer& operator=(const lazy_buffer&) = default;
  ~lazy_buffer() = default;
};

}  // namespace weft::net
