// SPDX-License-Identifier: BSL-1.0
// read(2) and write(2), and their vectored and checked forms.
//
// A blocking write of the kernel's comes back when all is written, for whatever is no message: so does ours, in as many
// tries as it takes. What ends it in between, an error, a timeout or a cancellation, leaves it with the part that it did;
// the next call says why.
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstdint>

#include "hooks/file_call.hpp"
#include "hooks/gather.hpp"
#include "hooks/next.hpp"
#include "hooks/next_shared.hpp"
#include "hooks/sigpipe.hpp"
#include "hooks/table.hpp"
#include "hooks/terminal.hpp"
#include "hooks/transfer.hpp"
#include "hooks/uninterrupted.hpp"
#include WEFT_HOOKS_EYES_HEADER
#include WEFT_SOCKET_CALLS_HEADER

namespace weft::detail {

namespace next {
constexpr next_function<"read", ssize_t(int, void*, size_t)> read;
constexpr next_function<"write", ssize_t(int, const void*, size_t)> write;
constexpr next_function<"writev", ssize_t(int, const iovec*, int)> writev;
constexpr next_function<"preadv2", ssize_t(int, const iovec*, int, off_t, int)> preadv2;
constexpr next_function<"pwritev2", ssize_t(int, const iovec*, int, off_t, int)> pwritev2;
constexpr next_function<"__read_chk", ssize_t(int, void*, size_t, size_t)> read_chk;
}  // namespace next

namespace {

// A terminal takes that much at once when poll(2) says that it takes something, also when each line end becomes two
// characters; of more it might want to wait for the reader.
constexpr std::size_t most_of_terminals = 128;

[[nodiscard]] bool takes_nowait(const file_call& call) noexcept {
  return call.kind() == file_kind::pipe || (call.kind() == file_kind::special && !eyes_know_pipes_only);
}

// A file that knows no reading, or no writing, says so whatever there is: where RWF_NOWAIT is not used, it must not be waited
// for. The kernel looks at that before it looks at how much is to be moved.
[[nodiscard]] bool may_know_none(const file_call& call) noexcept {
  return call.kind() == file_kind::asked_first || (call.kind() == file_kind::special && !takes_nowait(call));
}
constexpr iovec nothing{nullptr, 0};
[[nodiscard]] bool knows_none(ssize_t result) noexcept { return result < 0 && (errno == EBADF || errno == EINVAL); }

tried received(file_call& call, int fd, const iovec* parts, int count) noexcept {
  const std::size_t least = file_settings::least_of(fd, gather::bytes_of(parts, std::size_t(count)));
  if (least > 1 && call.kind() == file_kind::stream) [[unlikely]] {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(parts);
    message.msg_iovlen = std::size_t(count);
    return receive_least(call, fd, message, 0, least);
  }
  if (count > 1)
    return call.until_done(direction::read, [&](auto) { return receive_now(fd, parts, count, call.try_flag()); });
  return call.until_received(parts->iov_len,
                             [&] { return call_recv(fd, parts->iov_base, parts->iov_len, call.try_flag()); });
}

// Of at least one byte.
tried read_from(file_call& call, int fd, const iovec* parts, int count) noexcept {
  if (call.kind() != file_kind::elsewhere) {
    if (const int error = call.begin()) return {-1, error};
  }
  if (call.is_socket()) {
    const tried result = received(call, fd, parts, count);
    if (result.error != ENOTSOCK) return result;
    call.look_again("read");
  }
  // Too short for any of them, which is an error whatever there is.
  if (call.kind() == file_kind::special && gather::bytes_of(parts, std::size_t(count)) < sizeof(std::uint64_t))
    return outcome_of(next::readv(fd, parts, count));
  if (takes_nowait(call)) {
    const tried result = call.until_done(direction::read, [&](auto) {
      look_before_read(parts, count);
      const ssize_t got = next::preadv2(fd, parts, count, -1, RWF_NOWAIT);
      look_after_read(fd, parts, count, got);
      return got;
    });
    if (result.error == EPERM)
      call.look_again("read");  // the poller's: by now the number is a file's that does not wait
    else if (result.error != EOPNOTSUPP)
      return result;
  }
  if (may_know_none(call) && knows_none(next::preadv2(fd, &nothing, 1, -1, 0))) return {-1, errno};
  if (call.kind() == file_kind::asked_first) {
    if (const auto modes = terminal_modes::of(fd)) return read_terminal(call, fd, parts, count, *modes);
  }
  if (call.kind() != file_kind::elsewhere) {
    const tried result = call.until_done(
        direction::read, [&](auto) { return call.ask_first(POLLIN, [&] { return next::readv(fd, parts, count); }); });
    if (result.error != EPERM) return result;  // the poller's: a device that is always ready
  }
  return outcome_of(uninterrupted([&] { return next::readv(fd, parts, count); }));
}

// As many tries as it takes for all, or for one message.
class writing {
 public:
  writing(file_call& call, int fd, const iovec* parts, int count) noexcept
      : call_(call), fd_(fd), total_(gather::bytes_of(parts, std::size_t(count))), rest_(parts, std::size_t(count)) {}

  tried finish() noexcept {
    for (;;) {
      const tried step = once();
      if (step.error) return done_ ? tried{ssize_t(done_), 0} : step;
      done_ += std::size_t(step.result);
      if (done_ >= total_ || step.result == 0 || call_.kind() == file_kind::messages) return {ssize_t(done_), 0};
      rest_.skip(std::size_t(step.result));
    }
  }

 private:
  tried once() noexcept {
    if (call_.is_socket()) {
      const tried result = send();
      if (result.error != ENOTSOCK) return result;
      call_.look_again("write");
    }
    if (takes_nowait(call_)) {
      const tried result = push();
      if (result.error != EOPNOTSUPP) return result;  // an eventfd says so
    }
    if (may_know_none(call_) && knows_none(next::pwritev2(fd_, &nothing, 1, -1, 0))) return {-1, errno};
    if (call_.kind() != file_kind::elsewhere) {
      const tried result = ask();
      if (result.error != EPERM) return result;  // the poller's: a device that is always ready
    }
    const auto [parts, count] = rest_.now();
    return outcome_of(uninterrupted([&] { return next::writev(fd_, parts, count); }));
  }

  tried send() noexcept {
    const int flags = MSG_DONTWAIT | (done_ ? MSG_NOSIGNAL : 0) | (call_.ends_records() ? MSG_EOR : 0);
    const tried result = call_.until_done(direction::write, [&](auto) -> ssize_t {
      if (done_ && call_.leaves_error()) return 0;
      const auto [parts, count] = rest_.now();
      return count == 1 ? call_send(fd_, parts->iov_base, parts->iov_len, flags) : send_now(fd_, parts, count, flags);
    });
    if (result.error == EPIPE && done_ == 0) pass_on_sigpipe();
    return result;
  }

  tried push() noexcept {
    const tried result = call_.until_done(direction::write, [&](auto) {
      const auto [parts, count] = rest_.now();
      look_before_write(fd_, parts, count);
      return next::pwritev2(fd_, parts, count, -1, RWF_NOWAIT);
    });
    if (result.error == EPIPE) pass_on_sigpipe();
    return result;
  }

  tried ask() noexcept {
    const std::size_t most = most_that_fits();
    const tried result = call_.until_done(direction::write, [&](auto) {
      const auto [parts, count] = rest_.now(most);
      return call_.ask_first(POLLOUT, [&] { return next::writev(fd_, parts, count); });
    });
    if (result.error == EPIPE && call_.kind() == file_kind::pipe) pass_on_sigpipe();
    return result;
  }

  // How much surely does not wait when poll(2) says that there is room. What is less goes as one.
  [[nodiscard]] std::size_t most_that_fits() const noexcept {
    const bool is_pipe = call_.kind() == file_kind::pipe;
    const std::size_t most = is_pipe ? PIPE_BUF : most_of_terminals;
    const bool may_wait = total_ > most && (is_pipe || isatty(fd_)) && !call_.is_nonblocking();
    return may_wait ? most : SIZE_MAX;
  }

  file_call& call_;
  const int fd_;
  const std::size_t total_;
  std::size_t done_ = 0;
  gather rest_;
};

tried write_to(file_call& call, int fd, const iovec* parts, int count) noexcept {
  const bool is_empty = parts->iov_len == 0 && count == 1;  // no wait, but for a message that is empty
  if (is_empty && call.kind() != file_kind::messages) return outcome_of(next::write(fd, parts->iov_base, 0));
  if (call.kind() != file_kind::elsewhere) {
    if (const int error = call.begin()) return {-1, error};
  }
  return writing(call, fd, parts, count).finish();
}

[[gnu::noinline]] ssize_t read_on_fiber(control_block& self, const char* function, int fd, const iovec* parts,
                                        int count) noexcept {
  file_call call(self, fd, function);
  const tried result = read_from(call, fd, parts, count);
  return call.returns(result.error, result.result);
}

[[gnu::noinline]] ssize_t write_on_fiber(control_block& self, const char* function, int fd, const iovec* parts,
                                         int count) noexcept {
  file_call call(self, fd, function);
  const tried result = write_to(call, fd, parts, count);
  return call.returns(result.error, result.result);
}

// The most that one call moves, as read(2) and write(2) have it.
constexpr std::size_t most_of_one_call = 0x7ffff000;

// The part is made here, or a plain thread's call would need a frame for it and could not jump on.
[[gnu::noinline]] ssize_t read_on_fiber(control_block& self, int fd, void* to, size_t size) noexcept {
  const iovec part{to, std::min(size, most_of_one_call)};
  return read_on_fiber(self, "read", fd, &part, 1);
}

[[gnu::noinline]] ssize_t write_on_fiber(control_block& self, int fd, const void* from, size_t size) noexcept {
  const iovec part{const_cast<void*>(from), std::min(size, most_of_one_call)};
  return write_on_fiber(self, "write", fd, &part, 1);
}

// Lists that the kernel refuses as a whole are left to it to refuse.
[[nodiscard]] bool is_good(const iovec* parts, int count) noexcept {
  return count > 0 && count <= IOV_MAX && gather::bytes_of(parts, std::size_t(count)) > 0;
}

}  // namespace

const hooks_file read_write_hooks{};

extern "C" {

ssize_t read(int fd, void* to, size_t size) {
  control_block* const self = hooked_fiber();
  if (!self || size == 0) [[likely]]
    return next::read(fd, to, size);
  return read_on_fiber(*self, fd, to, size);
}

ssize_t __read_chk(int fd, void* to, size_t size, size_t room) {
  control_block* const self = hooked_fiber();
  if (!self || size == 0 || size > room) [[likely]]
    return next::read_chk(fd, to, size, room);
  return read_on_fiber(*self, fd, to, size);
}

ssize_t readv(int fd, const iovec* parts, int count) {
  control_block* const self = hooked_fiber();
  if (!self || !is_good(parts, count)) [[likely]]
    return next::readv(fd, parts, count);
  return read_on_fiber(*self, "readv", fd, parts, count);
}

ssize_t write(int fd, const void* from, size_t size) {
  control_block* const self = hooked_fiber();
  if (!self) [[likely]]
    return next::write(fd, from, size);
  return write_on_fiber(*self, fd, from, size);
}

ssize_t writev(int fd, const iovec* parts, int count) {
  control_block* const self = hooked_fiber();
  if (!self || !is_good(parts, count)) [[likely]]
    return next::writev(fd, parts, count);
  return write_on_fiber(*self, "writev", fd, parts, count);
}

}  // extern "C"

}  // namespace weft::detail
