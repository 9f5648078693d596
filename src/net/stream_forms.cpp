// SPDX-License-Identifier: BSL-1.0
#include <weft/detail/net/stream_forms.hpp>

#include <cerrno>

namespace weft::detail {

void fail_io(int error, const std::string& text) {
  if (error == deadline_passed) throw timed_out(text.c_str());
  throw std::system_error(to_error_code(error), text + (error == EINPROGRESS ? ": another one is at it" : ""));
}

void fail_io_partly(io_result r, const std::string& text) {
  if (r.error == stream_ended) throw net::end_of_stream(text, r.bytes);
  throw net::partial_io(to_error_code(r.error), text + (r.error == EINPROGRESS ? ": another one is at it" : ""),
                        r.bytes);
}

}  // namespace weft::detail
