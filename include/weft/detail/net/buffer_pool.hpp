// SPDX-License-Identifier: BSL-1.0
// Where `buffered` takes its memory while there is something in it: blocks of one size, the last returned first, so that
// a worker that serves many connections in turn reads into memory that is still in the cache.
#pragma once

#include <cstddef>

namespace weft::detail {

class buffer_pool {
 public:
  static constexpr std::size_t block_size = std::size_t{16} << 10;

  // Any thread; never parks. A block may be given back on another thread than it was taken on. Throws bad_alloc.
  [[nodiscard]] static std::byte* take();
  static void give_back(std::byte* block) noexcept;
};

}  // namespace weft::detail
