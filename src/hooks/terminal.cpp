// SPDX-License-Identifier: BSL-1.0
#include "hooks/terminal.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

#include <algorithm>
#include <cerrno>

#include "hooks/gather.hpp"
#include "hooks/next_shared.hpp"

namespace weft::detail {
namespace {

[[nodiscard]] std::size_t bytes_in(int fd) noexcept {
  int bytes = 0;
  return ::ioctl(fd, FIONREAD, &bytes) == 0 ? std::size_t(bytes) : 0;
}

// With VMIN and VTIME: until there is enough, or nothing has come for a while after the first.
class paced_read {
 public:
  paced_read(file_call& call, int fd, const iovec* parts, int count, std::size_t enough,
             std::chrono::nanoseconds pause) noexcept
      : call_(call), fd_(fd), parts_(parts), count_(count), enough_(enough), pause_(pause) {}

  // A try, when poll(2) has said that there is something.
  ssize_t operator()() noexcept {
    const std::size_t there = bytes_in(fd_);
    const bool is_at_end = there == 0;
    if (is_at_end || there >= enough_ || call_.is_nonblocking()) return next::readv(fd_, parts_, count_);
    if (there == before_ && call_.is_late()) {  // no more than that, or the kernel would begin to wait
      gather rest(parts_, std::size_t(count_));
      const auto [parts, count] = rest.now(there);
      return next::readv(fd_, parts, count);
    }
    if (there != before_) call_.wait_at_most(pause_);
    before_ = there;
    errno = EAGAIN;
    return -1;
  }

 private:
  file_call& call_;
  const int fd_;
  const iovec* const parts_;
  const int count_;
  const std::size_t enough_;
  const std::chrono::nanoseconds pause_;
  std::size_t before_ = 0;
};

}  // namespace

std::optional<terminal_modes> terminal_modes::of(int fd) noexcept {
  const int error = errno;
  termios modes;
  const bool is_terminal = ::tcgetattr(fd, &modes) == 0;
  int number = 0;
  const bool is_usual = !is_terminal || (modes.c_lflag & ICANON) || (modes.c_cc[VMIN] == 1 && modes.c_cc[VTIME] == 0) ||
                        ::ioctl(fd, TIOCGPTN, &number) == 0;  // a master's side, which tells the modes of the other one
  errno = error;
  if (is_usual) return std::nullopt;
  return terminal_modes{modes.c_cc[VMIN], std::chrono::milliseconds(100 * modes.c_cc[VTIME])};
}

tried read_terminal(file_call& call, int fd, const iovec* parts, int count, terminal_modes modes) noexcept {
  const std::size_t wanted = gather::bytes_of(parts, std::size_t(count));
  const auto read = [&] { return next::readv(fd, parts, count); };
  if (modes.least > 0 && modes.pause.count() > 0) {
    paced_read paced(call, fd, parts, count, std::min(wanted, modes.least), modes.pause);
    return call.until_done(direction::read, [&](auto) { return call.ask_first(POLLIN, paced); });
  }
  if (modes.least > 0) {
    if (wanted < modes.least) call.expect_no_event();
    return call.until_done(direction::read,
                           [&](auto) { return call.ask_first(POLLIN, read, [&] { return bytes_in(fd) < wanted; }); });
  }
  if (modes.pause.count() > 0) call.wait_at_most(modes.pause);
  const tried result = call.until_done(
      direction::read, [&](auto) { return call.ask_first(POLLIN, read, [&] { return modes.pause.count() > 0; }); });
  return result.error == EAGAIN && !call.is_nonblocking() ? tried{0, 0} : result;
}

}  // namespace weft::detail
