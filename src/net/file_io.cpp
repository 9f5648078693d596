// SPDX-License-Identifier: BSL-1.0
// What is done with an open file: on the blocking pool, unless it lies in the page cache.
#include <weft/net/file.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <limits>
#include <weft/base/error.hpp>
#include <weft/fiber/blocking.hpp>
#include <weft/fiber/deadline_scope.hpp>

#include "net/attempts.hpp"
#include "net/file_tries.hpp"

namespace weft::net {

using detail::io_result;
using detail::io_side;
using detail::result_of;

namespace {

// As much is copied out of the page cache on the worker itself: a few dozen microseconds.
constexpr std::size_t largest_piece = std::size_t{256} << 10;

bool is_too_far(std::uint64_t offset) noexcept { return offset > std::uint64_t(std::numeric_limits<off_t>::max()); }

}  // namespace

// Of an operation, from its first system call to its last.
class file::hold {
 public:
  enum class of { position, anything };

  hold(file& f, of what) noexcept
      : file_(f),
        what_(what),
        entry_(f.fd_ < 0              ? detail::use_word::entry::closed
               : what == of::position ? f.use_.enter_alone(io_side::read)
                                      : f.use_.enter_as_guest()) {}
  hold(const hold&) = delete;
  hold& operator=(const hold&) = delete;
  ~hold() {
    if (entry_ != detail::use_word::entry::granted) return;
    if (what_ == of::position ? file_.use_.leave(io_side::read) : file_.use_.leave_as_guest()) ::close(file_.fd_);
  }
  [[nodiscard]] int error() const noexcept {
    if (entry_ == detail::use_word::entry::granted) return 0;
    return entry_ == detail::use_word::entry::busy ? EINPROGRESS : EBADF;
  }

 private:
  file& file_;
  const of what_;
  const detail::use_word::entry entry_;
};

template <class Call> io_result file::on_pool(deadline until, Call&& call) {
  const auto run = [&] { return blocking([&] { return result_of(call); }); };
  if (until.is_never() || !detail::running_fiber()) return run();
  try {
    return with_deadline(until, run);
  } catch (const timed_out&) {
    return {0, detail::deadline_passed};
  }
}

// Of a call that has nothing to do with the position.
template <class Call> io_result file::aside(Call&& call) {
  const hold held(*this, hold::of::anything);
  return held.error() ? io_result{0, held.error()} : on_pool(never, call);
}

io_result file::read(std::span<std::byte> into, deadline until) {
  const hold held(*this, hold::of::position);
  if (held.error()) return {0, held.error()};
  return read_step(into, until);
}

io_result file::read_step(std::span<std::byte> into, deadline until) {
  detail::check_cancellation();
  if (into.size() <= largest_piece) {
    const iovec part{into.data(), into.size()};
    const io_result r = result_of([&] { return ::preadv2(fd_, &part, 1, -1, RWF_NOWAIT); });
    if (r.error != EAGAIN && !detail::is_refused_nowait(r)) return r;
  }
  return on_pool(until, [&] { return ::read(fd_, into.data(), into.size()); });
}

io_result file::read_all(std::span<std::byte> into, deadline until) {
  const hold held(*this, hold::of::position);
  if (held.error()) return {0, held.error()};
  return detail::until_all(into.size(), [&](std::size_t done) {
    io_result r = read_step(into.subspan(done), until);
    if (!r.error && !r.bytes && !into.empty()) r.error = detail::stream_ended;
    return r;
  });
}

io_result file::write(const_buffer from, deadline until) {
  const hold held(*this, hold::of::position);
  if (held.error()) return {0, held.error()};
  return on_pool(until, [&] { return ::write(fd_, from.data(), from.size()); });
}

io_result file::write_all_of(const_buffer from, deadline until) {
  const hold held(*this, hold::of::position);
  if (held.error()) return {0, held.error()};
  return detail::until_all(from.size(), [&](std::size_t done) {
    const auto rest = from.subspan(done);
    return on_pool(until, [&] { return ::write(fd_, rest.data(), rest.size()); });
  });
}

io_result file::read_from(std::uint64_t offset, std::span<std::byte> into) {
  if (is_too_far(offset)) return {0, EINVAL};
  const hold held(*this, hold::of::anything);
  if (held.error()) return {0, held.error()};
  detail::check_cancellation();
  const auto at = static_cast<off_t>(offset);
  if (into.size() <= largest_piece) {
    const iovec part{into.data(), into.size()};
    const io_result r = result_of([&] { return ::preadv2(fd_, &part, 1, at, RWF_NOWAIT); });
    if (r.error != EAGAIN && !detail::is_refused_nowait(r)) return r;
  }
  return on_pool(never, [&] { return ::pread(fd_, into.data(), into.size(), at); });
}

std::size_t file::read_at(std::uint64_t offset, std::span<std::byte> into) {
  return or_throw(read_from(offset, into), "read from");
}

std::size_t file::read_at(std::uint64_t offset, std::span<std::byte> into, std::error_code& ec) {
  return detail::or_note(read_from(offset, into), ec);
}

io_result file::write_into(std::uint64_t offset, const_buffer from) {
  if (is_too_far(offset)) return {0, EINVAL};
  const auto at = static_cast<off_t>(offset);
  return aside([&] { return ::pwrite(fd_, from.data(), from.size(), at); });
}

std::size_t file::write_at(std::uint64_t offset, const_buffer from) {
  return or_throw(write_into(offset, from), "write to");
}

std::size_t file::write_at(std::uint64_t offset, const_buffer from, std::error_code& ec) {
  return detail::or_note(write_into(offset, from), ec);
}

io_result file::ask_size() {
  struct stat what {};
  const io_result r = aside([&] { return ssize_t(::fstat(fd_, &what)); });
  return {r.error ? 0 : static_cast<std::size_t>(what.st_size), r.error};
}

std::uint64_t file::size() { return or_throw(ask_size(), "size of"); }
std::uint64_t file::size(std::error_code& ec) { return detail::or_note(ask_size(), ec); }

io_result file::set_size(std::uint64_t size) {
  if (is_too_far(size)) return {0, EINVAL};
  return aside([&] { return ssize_t(::ftruncate(fd_, static_cast<off_t>(size))); });
}

void file::resize(std::uint64_t size) { or_throw(set_size(size), "resize"); }
void file::resize(std::uint64_t size, std::error_code& ec) { detail::or_note(set_size(size), ec); }

std::uint64_t file::position() {
  const hold held(*this, hold::of::position);
  if (held.error()) detail::fail_io(held.error(), describe("position of"));
  const off_t at = ::lseek(fd_, 0, SEEK_CUR);
  if (at < 0) detail::fail_io(errno, describe("position of"));
  return static_cast<std::uint64_t>(at);
}

void file::seek(std::uint64_t position) {
  const hold held(*this, hold::of::position);
  const int error = held.error() ? held.error() : is_too_far(position) ? EINVAL : 0;
  if (error) detail::fail_io(error, describe("seek in"));
  if (::lseek(fd_, static_cast<off_t>(position), SEEK_SET) < 0) detail::fail_io(errno, describe("seek in"));
}

void file::sync() {
  or_throw(aside([this] { return ssize_t(::fsync(fd_)); }), "sync");
}
void file::sync(std::error_code& ec) {
  detail::or_note(aside([this] { return ssize_t(::fsync(fd_)); }), ec);
}
void file::sync_data() {
  or_throw(aside([this] { return ssize_t(::fdatasync(fd_)); }), "sync");
}
void file::sync_data(std::error_code& ec) {
  detail::or_note(aside([this] { return ssize_t(::fdatasync(fd_)); }), ec);
}

}  // namespace weft::net
