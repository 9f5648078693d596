// SPDX-License-Identifier: BSL-1.0
// What AddressSanitizer is told of a read or write that goes past the functions it knows (preadv2, pwritev2): a buffer
// that is not the caller's is touched here, where that is reported.
#pragma once

#include <sanitizer/asan_interface.h>
#include <sys/uio.h>

namespace weft::detail {

inline constexpr bool eyes_know_pipes_only = false;

inline void look_before_read(const iovec* parts, int count) noexcept {
  for (int i = 0; i < count; ++i) {
    if (void* const bad = __asan_region_is_poisoned(parts[i].iov_base, parts[i].iov_len))
      static_cast<void>(*static_cast<volatile char*>(bad));
  }
}
inline void look_after_read(int, const iovec*, int, ssize_t) noexcept {}
inline void look_before_write(int, const iovec* parts, int count) noexcept { look_before_read(parts, count); }

}  // namespace weft::detail
