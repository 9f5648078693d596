// SPDX-License-Identifier: BSL-1.0
// The two ends of a pipe: between fibers, or to a child process.
//
// What a stream_socket promises holds here: one fiber at a time on an end, closing it from anywhere ends what goes on with
// operation_canceled, a deadline in the past still takes what is there. Off a fiber the calls block by poll(2).
#pragma once

#include <string>
#include <system_error>
#include <utility>
#include <weft/detail/net/socket_handle.hpp>
#include <weft/detail/net/stream_forms.hpp>
#include <weft/net/stream.hpp>

namespace weft::net {

class pipe_reader;
class pipe_writer;

// A new pipe; what is written into the second is read from the first. Throws too_many_files_open.
[[nodiscard]] std::pair<pipe_reader, pipe_writer> pipe();

class pipe_reader : public detail::socket_handle, public detail::reading_forms<pipe_reader> {
 public:
  pipe_reader() noexcept = default;

  // Takes over the reading end of a pipe, or anything that can be read in parts and waited for (a FIFO, a terminal, a
  // character device), and leaves its blocking mode as it is: that belongs to all who share it. Throws, and the fd stays
  // the caller's, when it is none: bad_file_descriptor, or invalid_argument for one that is not open for reading, a
  // regular file (see `file`) or a directory.
  [[nodiscard]] static pipe_reader adopt(int fd);
  [[nodiscard]] static pipe_reader adopt(int fd, std::error_code& ec);

  // read_some, read_exact: see reading_forms. The end of the stream: all writing ends are closed, and what they wrote is
  // read.

  // Waits until a read would not. The end of the stream counts as readable.
  void wait_readable(deadline until = never);
  void wait_readable(std::error_code& ec) { wait_readable(never, ec); }
  void wait_readable(deadline until, std::error_code& ec);

 private:
  friend class detail::reading_forms<pipe_reader>;
  friend std::pair<pipe_reader, pipe_writer> pipe();

  detail::io_result read(std::span<std::byte> into, deadline until);
  detail::io_result read_all(std::span<std::byte> into, deadline until);
  [[nodiscard]] std::string describe(const char* doing) const;

  bool blocks_ = false;  // or may: adopted
};

class pipe_writer : public detail::socket_handle, public detail::writing_forms<pipe_writer> {
 public:
  pipe_writer() noexcept = default;

  // As pipe_reader::adopt, for the writing end.
  [[nodiscard]] static pipe_writer adopt(int fd);
  [[nodiscard]] static pipe_writer adopt(int fd, std::error_code& ec);

  // write_some, write_all: see writing_forms. broken_pipe when nobody can read any more; never a SIGPIPE.

  // Waits until a write would not. A pipe that nobody can read any more counts as writable.
  void wait_writable(deadline until = never);
  void wait_writable(std::error_code& ec) { wait_writable(never, ec); }
  void wait_writable(deadline until, std::error_code& ec);

 private:
  friend class detail::writing_forms<pipe_writer>;
  friend std::pair<pipe_reader, pipe_writer> pipe();

  detail::io_result write(const_buffer from, deadline until);
  detail::io_result write_all_of(const_buffer from, deadline until);
  [[nodiscard]] std::string describe(const char* doing) const;

  bool blocks_ = false;  // or may: adopted
};

}  // namespace weft::net
