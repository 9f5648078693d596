// SPDX-License-Identifier: BSL-1.0
// What the composed operations throw: they may have moved a part of the bytes, and say how many.
#pragma once

#include <cstddef>
#include <string>
#include <system_error>

namespace weft::net {

// The end of a stream where more was needed, as an error code; all other I/O errors are the system's.
enum class stream_errc { end_of_stream = 1 };

[[nodiscard]] const std::error_category& stream_category() noexcept;
[[nodiscard]] inline std::error_code make_error_code(stream_errc e) noexcept {
  return {static_cast<int>(e), stream_category()};
}

}  // namespace weft::net

template <> struct std::is_error_code_enum<weft::net::stream_errc> : std::true_type {};

namespace weft::net {

// write_all, read_exact and their like failed, timed out included, after they had moved `transferred()` bytes.
class partial_io : public std::system_error {
 public:
  partial_io(std::error_code code, const std::string& what, std::size_t transferred)
      : std::system_error(code, what), transferred_(transferred) {}
  // The failure of one step, with the bytes of all of them.
  partial_io(const std::system_error& step, std::size_t transferred)
      : std::system_error(step), transferred_(transferred) {}

  [[nodiscard]] std::size_t transferred() const noexcept { return transferred_; }

 private:
  std::size_t transferred_;
};

// The stream ended inside read_exact. code() == stream_errc::end_of_stream.
class end_of_stream : public partial_io {
 public:
  end_of_stream(const std::string& what, std::size_t transferred)
      : partial_io(make_error_code(stream_errc::end_of_stream), what, transferred) {}
};

}  // namespace weft::net
