// SPDX-License-Identifier: BSL-1.0
// The life of a socket that weft owns.
#include <weft/detail/net/socket_handle.hpp>

#include <unistd.h>

#include <cerrno>
#include <new>
#include <utility>
#include <weft/base/error.hpp>
#include <weft/detail/base/cpu_relax.hpp>
#include <weft/net/error.hpp>

#include "net/wait.hpp"

namespace weft::detail {

std::error_code to_error_code(int error) noexcept {
  if (error == deadline_passed) return std::make_error_code(std::errc::timed_out);
  if (error == stream_ended) return net::make_error_code(net::stream_errc::end_of_stream);
  return {error, std::system_category()};
}

int socket_handle::attach(int fd, kind what) noexcept {
  try {
    descriptor& state = descriptor::of(fd);
    const auto trust = what == kind::ask         ? descriptor::ask_kernel(fd)
                       : what == kind::plain_tcp ? short_reads::mean_drained
                                                 : short_reads::mean_nothing;
    wake_list woken;
    state.open(trust, woken);
    woken.unpark_all();
    state_ = &state;
    fd_ = fd;
    use_.reset();
    return 0;
  } catch (const std::bad_alloc&) {
    return ENOMEM;
  } catch (const std::system_error& e) {
    return e.code().value();
  }
}

void socket_handle::take(socket_handle& other) noexcept {
  fd_ = -1;
  state_ = nullptr;
  if (!other.is_open()) return;
  const bool exposed = other.use_.is_exposed();
  fd_ = std::exchange(other.fd_, -1);
  state_ = std::exchange(other.state_, nullptr);
  use_.reset();
  if (exposed) use_.expose();
}

void socket_handle::close() noexcept {
  if (fd_ < 0) return;
  if (!use_.close()) {
    for (unsigned spins = 0; use_.is_being_closed();) relax(spins++);  // [use-4]; nobody parks there
    return;
  }
  socket_wait::wake_all(*this);
  const int fd = fd_;
  if (use_.leave_closing()) ::close(fd);
}

int socket_handle::release() {
  if (!is_open()) throw_error(std::errc::bad_file_descriptor, "release of a socket or pipe that is not open");
  if (!use_.close_unused())
    throw_error(std::errc::device_or_resource_busy, "release of a socket or pipe on which an operation goes on");
  socket_wait::wake_all(*this);
  return fd_;
}

void socket_handle::close_fd() const noexcept { ::close(fd_); }

}  // namespace weft::detail
