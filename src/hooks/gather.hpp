// SPDX-License-Identifier: BSL-1.0
// What is left of a list of buffers when a part of it has been moved, a window at a time.
#pragma once

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace weft::detail {

class gather {
 public:
  gather(const iovec* all, std::size_t count) noexcept : rest_(all), left_(count) {}

  // The first buffers that are not empty, of `most` bytes together. The list itself as long as nothing was skipped and all
  // of it is meant: what must move at once (a write of PIPE_BUF, a datagram) is asked for at once.
  struct window {
    iovec* parts;
    int count;
  };
  [[nodiscard]] window now(std::size_t most = SIZE_MAX) noexcept {
    if (whole_ && most == SIZE_MAX) return {const_cast<iovec*>(rest_), static_cast<int>(left_)};
    std::size_t count = 0, offset = offset_;
    for (std::size_t i = 0; i < left_ && count < copy_.size() && most > 0; ++i, offset = 0) {
      const std::size_t size = std::min(rest_[i].iov_len - offset, most);
      if (size > 0) copy_[count++] = {static_cast<std::byte*>(rest_[i].iov_base) + offset, size};
      most -= size;
    }
    return {copy_.data(), static_cast<int>(count)};
  }
  void skip(std::size_t bytes) noexcept {
    whole_ = whole_ && bytes == 0;
    offset_ += bytes;
    for (; left_ > 0 && offset_ >= rest_->iov_len; --left_) offset_ -= rest_++->iov_len;
  }
  [[nodiscard]] static std::size_t bytes_of(const iovec* all, std::size_t count) noexcept {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < count; ++i) sum += all[i].iov_len;
    return sum;
  }

 private:
  const iovec* rest_;
  std::size_t left_;
  std::size_t offset_ = 0;  // into the first
  bool whole_ = true;
  std::array<iovec, 32> copy_;  // on a fiber's stack, hence few
};

}  // namespace weft::detail
