// SPDX-License-Identifier: BSL-1.0
#include <weft/net/pipe.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <weft/base/error.hpp>

#include "net/attempts.hpp"
#include "net/broken_pipe.hpp"
#include "net/file_tries.hpp"
#include "net/socket.hpp"

namespace weft::net {

using detail::control_block;
using detail::held_socket;
using detail::io_result;
using detail::io_side;
using detail::running_fiber;
using detail::socket_use;
using detail::socket_wait;
using detail::stream_ended;
using detail::until_all;
using detail::until_done;

namespace {

// 0 if the file can be read (written) in parts and waited for, else the errno that says why not.
int check_end(int fd, io_side side) noexcept {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return errno;
  const int mode = flags & O_ACCMODE;
  if (mode != O_RDWR && mode != (side == io_side::read ? O_RDONLY : O_WRONLY)) return EINVAL;
  struct stat what;
  if (::fstat(fd, &what)) return errno;
  return S_ISREG(what.st_mode) || S_ISDIR(what.st_mode) || S_ISBLK(what.st_mode) ? EINVAL : 0;
}

[[noreturn]] void fail_to_adopt(int error, int fd, const char* as) {
  detail::fail_io(error, "adopt fd " + std::to_string(fd) + " as a " + as);
}

std::string described(const char* doing, int fd) {
  return std::string(doing) + (fd < 0 ? " a pipe that is not open" : " the pipe of fd " + std::to_string(fd));
}

// Until a try would not block.
io_result wait_for(const detail::socket_handle& end, io_side side, deadline until) {
  const socket_use use(end, side, socket_use::how::alone);
  if (use.error()) return {0, use.error()};
  return detail::wait_until_ready(end, side, until);
}

io_result read_step(control_block* self, const held_socket& s, std::span<std::byte> into, deadline until, bool blocks) {
  socket_wait::checkpoint(self, s.socket());
  if (into.empty()) return {};
  return until_done(self, s, io_side::read, until, 0,
                    [&](auto) { return detail::try_read_file(s.fd(), into, blocks); });
}

io_result write_step(control_block* self, const held_socket& s, const_buffer from, deadline until, bool blocks) {
  socket_wait::checkpoint(self, s.socket());
  if (from.empty()) return {};
  return until_done(self, s, io_side::write, until, 0, [&](auto) {
    return detail::without_broken_pipe_signal(self, [&] { return detail::try_write_file(s.fd(), from, blocks); });
  });
}

}  // namespace

std::pair<pipe_reader, pipe_writer> pipe() {
  int fds[2];
  if (::pipe2(fds, O_NONBLOCK | O_CLOEXEC)) detail::throw_errno(errno, "pipe");
  std::pair<pipe_reader, pipe_writer> both;
  int error = both.first.attach(fds[0], pipe_reader::kind::other);
  if (error) ::close(fds[0]);
  if (!error) error = both.second.attach(fds[1], pipe_writer::kind::other);
  if (error) {
    ::close(fds[1]);
    detail::throw_errno(error, "pipe");
  }
  return both;
}

// --- reading ---

pipe_reader pipe_reader::adopt(int fd) {
  std::error_code ec;
  pipe_reader end = adopt(fd, ec);
  if (ec) fail_to_adopt(ec.value(), fd, "pipe_reader");
  return end;
}

pipe_reader pipe_reader::adopt(int fd, std::error_code& ec) {
  pipe_reader end;
  end.blocks_ = true;
  int error = check_end(fd, io_side::read);
  if (!error) error = end.attach(fd, kind::other);
  ec = error ? detail::to_error_code(error) : std::error_code();
  return end;
}

io_result pipe_reader::read(std::span<std::byte> into, deadline until) {
  const socket_use use(*this, io_side::read, socket_use::how::alone);
  if (use.error()) return {0, use.error()};
  return read_step(running_fiber(), held_socket(*this), into, until, blocks_);
}

io_result pipe_reader::read_all(std::span<std::byte> into, deadline until) {
  const socket_use use(*this, io_side::read, socket_use::how::alone);
  if (use.error()) return {0, use.error()};
  control_block* const self = running_fiber();
  const held_socket s(*this);
  return until_all(into.size(), [&](std::size_t done) {
    io_result r = read_step(self, s, into.subspan(done), until, blocks_);
    if (!r.error && !r.bytes && !into.empty()) r.error = stream_ended;
    return r;
  });
}

std::string pipe_reader::describe(const char* doing) const { return described(doing, native_handle()); }

void pipe_reader::wait_readable(deadline until) {
  if (const io_result r = wait_for(*this, io_side::read, until); r.error)
    detail::fail_io(r.error, describe("wait for"));
}

void pipe_reader::wait_readable(deadline until, std::error_code& ec) {
  detail::or_note(wait_for(*this, io_side::read, until), ec);
}

// --- writing ---

pipe_writer pipe_writer::adopt(int fd) {
  std::error_code ec;
  pipe_writer end = adopt(fd, ec);
  if (ec) fail_to_adopt(ec.value(), fd, "pipe_writer");
  return end;
}

pipe_writer pipe_writer::adopt(int fd, std::error_code& ec) {
  pipe_writer end;
  end.blocks_ = true;
  int error = check_end(fd, io_side::write);
  if (!error) error = end.attach(fd, kind::other);
  ec = error ? detail::to_error_code(error) : std::error_code();
  return end;
}

io_result pipe_writer::write(const_buffer from, deadline until) {
  const socket_use use(*this, io_side::write, socket_use::how::alone);
  if (use.error()) return {0, use.error()};
  return write_step(running_fiber(), held_socket(*this), from, until, blocks_);
}

io_result pipe_writer::write_all_of(const_buffer from, deadline until) {
  const socket_use use(*this, io_side::write, socket_use::how::alone);
  if (use.error()) return {0, use.error()};
  control_block* const self = running_fiber();
  const held_socket s(*this);
  return until_all(from.size(),
                   [&](std::size_t done) { return write_step(self, s, from.subspan(done), until, blocks_); });
}

std::string pipe_writer::describe(const char* doing) const { return described(doing, native_handle()); }

void pipe_writer::wait_writable(deadline until) {
  if (const io_result r = wait_for(*this, io_side::write, until); r.error)
    detail::fail_io(r.error, describe("wait for"));
}

void pipe_writer::wait_writable(deadline until, std::error_code& ec) {
  detail::or_note(wait_for(*this, io_side::write, until), ec);
}

}  // namespace weft::net
