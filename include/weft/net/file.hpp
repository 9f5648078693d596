// SPDX-License-Identifier: BSL-1.0
// A file on a disk, whose calls run on the blocking pool: such files are never waited for by the poller, they block.
//
// What lies in the page cache is read without the pool. On a plain thread, and in a stackless task, the calls just block.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <weft/detail/net/stream_forms.hpp>
#include <weft/detail/net/use_word.hpp>

namespace weft::net {

// How open() opens; combined by |. `read` and `write` together are for both; neither, nor `append`: to read.
enum class open_mode : unsigned {
  read = 1,
  write = 2,
  append = 4,     // to write, and every write goes to the end
  create = 8,     // if it is not there
  truncate = 16,  // to nothing
  exclusive = 32  // with create: it must not be there
};
[[nodiscard]] constexpr open_mode operator|(open_mode a, open_mode b) noexcept {
  return open_mode(unsigned(a) | unsigned(b));
}
[[nodiscard]] constexpr bool has(open_mode all, open_mode one) noexcept {
  return (unsigned(all) & unsigned(one)) == unsigned(one);
}

// Every call parks the fiber until it has happened, and is a cancellation point: one that has not begun is withdrawn, one
// that has is waited for. So a deadline counts only until a thread of the pool takes the call up. Errors name the path;
// of a file that is not open, bad_file_descriptor.
// read_at and write_at may go on at once, any number of them; of those that use the position one at a time, or
// operation_in_progress. close() lets what goes on come to its end.
class file : public detail::reading_forms<file>, public detail::writing_forms<file> {
 public:
  file() noexcept = default;
  // Nobody may be using either object.
  file(file&& other) noexcept;
  file& operator=(file&& other) noexcept;
  ~file() { close(); }

  // `permissions` of a file that is created, less the umask. Throws std::system_error; with `ec` the result is closed.
  [[nodiscard]] static file open(std::string_view path, open_mode how = open_mode::read, unsigned permissions = 0666);
  [[nodiscard]] static file open(std::string_view path, open_mode how, std::error_code& ec);
  [[nodiscard]] static file open(std::string_view path, open_mode how, unsigned permissions, std::error_code& ec);
  // Takes over an fd. bad_file_descriptor if it is not open, and it stays the caller's.
  [[nodiscard]] static file adopt(int fd);

  [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0 && !use_.is_closed(); }
  // Any thread. The fd goes when the last who uses it has left.
  void close() noexcept;
  [[nodiscard]] int native_handle() const noexcept { return is_open() ? fd_ : -1; }
  // Gives the fd away. Throws like socket_handle::release().
  [[nodiscard]] int release();

  // From the position on, which they move: read_some, read_exact, write_some, write_all; see stream_forms.hpp.

  // Elsewhere; the position stays. Maybe a part of the span only; a read of 0 bytes is the end of the file.
  std::size_t read_at(std::uint64_t offset, std::span<std::byte> into);
  std::size_t read_at(std::uint64_t offset, std::span<std::byte> into, std::error_code& ec);
  std::size_t write_at(std::uint64_t offset, const_buffer from);
  std::size_t write_at(std::uint64_t offset, const_buffer from, std::error_code& ec);

  [[nodiscard]] std::uint64_t size();
  [[nodiscard]] std::uint64_t size(std::error_code& ec);
  void resize(std::uint64_t size);
  void resize(std::uint64_t size, std::error_code& ec);
  // The position, in bytes from the beginning. Neither parks.
  [[nodiscard]] std::uint64_t position();
  void seek(std::uint64_t position);
  // What was written is on the disk when it returns; `sync_data`: but for what is told by stat(2) alone.
  void sync();
  void sync(std::error_code& ec);
  void sync_data();
  void sync_data(std::error_code& ec);

 private:
  friend class detail::reading_forms<file>;
  friend class detail::writing_forms<file>;
  class hold;

  detail::io_result read(std::span<std::byte> into, deadline until);
  detail::io_result read_step(std::span<std::byte> into, deadline until);
  detail::io_result read_all(std::span<std::byte> into, deadline until);
  detail::io_result write(const_buffer from, deadline until);
  detail::io_result write_all_of(const_buffer from, deadline until);
  detail::io_result read_from(std::uint64_t offset, std::span<std::byte> into);
  detail::io_result write_into(std::uint64_t offset, const_buffer from);
  detail::io_result ask_size();
  detail::io_result set_size(std::uint64_t size);
  template <class Call> detail::io_result on_pool(deadline until, Call&& call);
  template <class Call> detail::io_result aside(Call&& call);
  std::uint64_t or_throw(detail::io_result r, const char* doing) const;
  [[nodiscard]] std::string describe(const char* doing) const;

  int fd_ = -1;
  detail::use_word use_;
  std::string path_;
};

// The whole file, or its new content. Throws like file.
[[nodiscard]] std::string read_file(std::string_view path);
void write_file(std::string_view path, std::string_view content);

}  // namespace weft::net
