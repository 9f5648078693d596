// SPDX-License-Identifier: BSL-1.0
// What a test sends over a unix socket with a descriptor beside it.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstring>
#include <string_view>

namespace weft::test {

// The text must outlive it.
class message_with_fd {
 public:
  message_with_fd(std::string_view text, int fd) : text_{const_cast<char*>(text.data()), text.size()} {
    header_.msg_iov = &text_;
    header_.msg_iovlen = 1;
    header_.msg_control = control_;
    header_.msg_controllen = sizeof control_;
    cmsghdr* const beside = CMSG_FIRSTHDR(&header_);
    beside->cmsg_level = SOL_SOCKET;
    beside->cmsg_type = SCM_RIGHTS;
    beside->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(beside), &fd, sizeof fd);
  }
  message_with_fd(const message_with_fd&) = delete;
  message_with_fd& operator=(const message_with_fd&) = delete;

  [[nodiscard]] const msghdr* header() const noexcept { return &header_; }

 private:
  iovec text_;
  alignas(cmsghdr) char control_[CMSG_SPACE(sizeof(int))]{};
  msghdr header_{};
};

}  // namespace weft::test
