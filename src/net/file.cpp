// SPDX-License-Identifier: BSL-1.0
// Files: opening and closing them; what is done with an open one is in file_io.cpp.
#include <weft/net/file.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <weft/base/error.hpp>
#include <weft/detail/base/cpu_relax.hpp>
#include <weft/fiber/blocking.hpp>

#include "net/text.hpp"

namespace weft::net {

using detail::io_result;

namespace {

int flags_of(open_mode how) noexcept {
  const bool writes = has(how, open_mode::write) || has(how, open_mode::append);
  int flags = !writes ? O_RDONLY : has(how, open_mode::read) ? O_RDWR : O_WRONLY;
  if (has(how, open_mode::append)) flags |= O_APPEND;
  if (has(how, open_mode::create)) flags |= O_CREAT;
  if (has(how, open_mode::truncate)) flags |= O_TRUNC;
  if (has(how, open_mode::exclusive)) flags |= O_EXCL;
  return flags | O_CLOEXEC;
}

// An fd, or -errno.
int open_now(const std::string& path, open_mode how, unsigned permissions) {
  if (path.find('\0') != path.npos) return -EINVAL;  // it would be cut there, and mean another file
  return blocking([&] {
    for (;;) {
      const int fd = ::open(path.c_str(), flags_of(how), permissions);
      if (fd >= 0 || errno != EINTR) return fd >= 0 ? fd : -errno;
    }
  });
}

std::string described(const char* doing, std::string_view path) {
  std::string text = doing;
  text += " \"";
  detail::append_printable(text, path);
  text += '"';
  return text;
}

}  // namespace

file::file(file&& other) noexcept { *this = std::move(other); }

file& file::operator=(file&& other) noexcept {
  if (this == &other) return *this;
  close();
  fd_ = -1;
  if (!other.is_open()) return *this;
  fd_ = std::exchange(other.fd_, -1);
  path_ = std::move(other.path_);
  use_.reset();
  return *this;
}

file file::open(std::string_view path, open_mode how, unsigned permissions) {
  std::error_code ec;
  file opened = open(path, how, permissions, ec);
  if (ec) throw std::system_error(ec, described("open", path));
  return opened;
}

file file::open(std::string_view path, open_mode how, std::error_code& ec) { return open(path, how, 0666, ec); }

file file::open(std::string_view path, open_mode how, unsigned permissions, std::error_code& ec) {
  file opened;
  opened.path_ = path;
  const int fd = open_now(opened.path_, how, permissions);
  if (fd >= 0) opened.fd_ = fd;
  ec = fd < 0 ? detail::to_error_code(-fd) : std::error_code();
  return opened;
}

file file::adopt(int fd) {
  if (::fcntl(fd, F_GETFD) < 0) detail::fail_io(errno, "adopt fd " + std::to_string(fd) + " as a file");
  file adopted;
  adopted.fd_ = fd;
  adopted.path_ = "fd " + std::to_string(fd);
  return adopted;
}

void file::close() noexcept {
  if (fd_ < 0) return;
  if (!use_.close()) {
    for (unsigned spins = 0; use_.is_being_closed();) detail::relax(spins++);  // [use-4]; nobody parks there
    return;
  }
  const int fd = fd_;
  if (use_.leave_closing()) ::close(fd);
}

int file::release() {
  if (!is_open()) detail::throw_error(std::errc::bad_file_descriptor, "release of a file that is not open");
  if (!use_.close_unused())
    detail::throw_error(std::errc::device_or_resource_busy, "release of a file on which an operation goes on");
  return std::exchange(fd_, -1);
}

std::uint64_t file::or_throw(io_result r, const char* doing) const {
  if (r.error) detail::fail_io(r.error, describe(doing));
  return r.bytes;
}

std::string file::describe(const char* doing) const {
  return is_open() ? described(doing, path_) : std::string(doing) + " a file that is not open";
}

std::string read_file(std::string_view path) {
  file from = file::open(path);
  std::string content(from.size(), '\0');
  // What is read counts: the file may change, and those of the kernel say that they are empty.
  std::size_t done = 0;
  for (;;) {
    if (done == content.size()) content.resize(done + 4096);
    const std::size_t count = from.read_some(std::as_writable_bytes(std::span(content)).subspan(done));
    if (count == 0) break;
    done += count;
  }
  content.resize(done);
  return content;
}

void write_file(std::string_view path, std::string_view content) {
  file::open(path, open_mode::write | open_mode::create | open_mode::truncate).write_all(content);
}

}  // namespace weft::net
