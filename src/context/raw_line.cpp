// SPDX-License-Identifier: BSL-1.0
#include "context/raw_line.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace weft::detail {

raw_line& raw_line::text(std::string_view s) noexcept {
  const std::size_t room = buffer_.size() - 1 - used_;  // one for the end of the line
  const std::size_t taken = std::min(room, s.size());
  std::copy_n(s.data(), taken, buffer_.data() + used_);
  used_ += taken;
  return *this;
}

raw_line& raw_line::number(std::uint64_t n) noexcept { return digits(n, 10); }

raw_line& raw_line::hex(std::uint64_t n) noexcept { return text("0x").digits(n, 16); }

raw_line& raw_line::digits(std::uint64_t n, unsigned base) noexcept {
  std::array<char, 20> backwards;
  std::size_t first = backwards.size();
  do {
    backwards[--first] = "0123456789abcdef"[n % base];
    n /= base;
  } while (n != 0);
  return text({backwards.data() + first, backwards.size() - first});
}

void raw_line::write_to(int fd) noexcept {
  const int saved = errno;
  buffer_[used_++] = '\n';
  for (std::size_t done = 0; done < used_;) {
    // By number: the program's write(2) may be another that waits (src/hooks), which is nothing for a signal handler.
    const long wrote = syscall(SYS_write, fd, buffer_.data() + done, used_ - done);
    if (wrote > 0) {
      done += static_cast<std::size_t>(wrote);
    } else if (wrote < 0 && errno != EINTR) {
      break;
    }
  }
  used_ = 0;
  errno = saved;
}

}  // namespace weft::detail
