// SPDX-License-Identifier: BSL-1.0
#include "poll/epoll.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <limits>
#include <string>
#include <system_error>
#include <weft/base/deadline.hpp>
#include <weft/base/error.hpp>

#include "poll/descriptor.hpp"

namespace weft::detail {

namespace {

constexpr std::uint64_t wake_tag = ~std::uint64_t{0};  // no descriptor has the number -1
constexpr std::uint32_t both_directions = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET;

constexpr std::int64_t second = 1'000'000'000, millisecond = 1'000'000;
constexpr std::int64_t long_wait = 50 * millisecond;  // a thousandth of it is the usual timer slack

[[noreturn, gnu::cold]] void cannot_wait_on(int fd, int error) {
  std::string what = "weft: cannot wait on file descriptor " + std::to_string(fd);
  if (error == EPERM) what += ", a regular file or directory or another that is always ready";
  if (error == ENOSPC) what += ", /proc/sys/fs/epoll/max_user_watches is reached";
  throw std::system_error(error, std::system_category(), what);
}

epoll_event wanted_of(const descriptor& which) noexcept {
  epoll_event wanted{};
  wanted.events = both_directions;
  wanted.data.u64 = std::uint64_t{which.generation()} << 32 | static_cast<std::uint32_t>(which.number());
  return wanted;
}

}  // namespace

epoll_poller::epoll_poller(timeouts how) : nanoseconds_(how == timeouts::automatic), process_(::getpid()) {
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) throw_errno(errno, "weft: epoll_create1");
  event_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  epoll_event wanted{};
  // Edge-triggered: each write is an event of its own, so nobody needs to read the counter back.
  wanted.events = EPOLLIN | EPOLLET;
  wanted.data.u64 = wake_tag;
  if (event_ < 0 || ::epoll_ctl(epoll_, EPOLL_CTL_ADD, event_, &wanted) != 0) {
    const int error = errno;
    if (event_ >= 0) ::close(event_);
    ::close(epoll_);
    throw_errno(error, "weft: the eventfd of a poller");
  }
}

epoll_poller::~epoll_poller() {
  descriptor::forget(*this);
  ::close(event_);
  ::close(epoll_);
}

// True in a child of fork or vfork: the epoll instance is the parent's, and so would be every change to it.
bool epoll_poller::is_foreign() const noexcept { return ::getpid() != process_; }

void epoll_poller::attach(descriptor& which) {
  const int fd = which.number();
  if (is_foreign()) throw_error(std::errc::operation_not_permitted, "weft: this poller belongs to the parent process");
  epoll_event wanted = wanted_of(which);
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &wanted) == 0) return;
  // The number was closed and made anew from a duplicate of the same file. MOD reports what is ready like ADD.
  if (errno == EEXIST && ::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &wanted) == 0) return;
  cannot_wait_on(fd, errno);
}

// Registrations are of (file, number): MOD finds none if the number names another file now.
bool epoll_poller::still_hears(descriptor& which) noexcept {
  epoll_event wanted = wanted_of(which);
  return is_foreign() || ::epoll_ctl(epoll_, EPOLL_CTL_MOD, which.number(), &wanted) == 0;
}

void epoll_poller::detach(descriptor& which) noexcept {
  if (is_foreign()) return;
  epoll_event ignored{};
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, which.number(), &ignored);  // fails if it was closed behind our back
}

void epoll_poller::wait(std::int64_t timeout, wake_list& woken) {
  const int count = collect(timeout);
  if (count < 0 && errno != EINTR) throw_errno(errno, "weft: epoll_wait");  // somebody closed our descriptor
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = batch_[static_cast<std::size_t>(i)];
    const std::uint64_t tag = event.data.u64;
    if (tag == wake_tag) continue;
    descriptor* const which = descriptor::find(static_cast<int>(tag));
    which->deliver(event.events, static_cast<std::uint32_t>(tag >> 32), woken);
  }
}

// One system call.
int epoll_poller::collect(std::int64_t timeout) noexcept {
  if (timeout <= 0) return ::epoll_wait(epoll_, batch_.data(), batch_size, 0);
  if (timeout == deadline::limit) return ::epoll_wait(epoll_, batch_.data(), batch_size, -1);
  if (timeout > long_wait) timeout -= timeout / 500;
  if (nanoseconds_) {
    timespec rest{};
    rest.tv_sec = static_cast<time_t>(std::min<std::int64_t>(timeout / second, std::numeric_limits<time_t>::max()));
    rest.tv_nsec = static_cast<long>(timeout % second);
    const int count = ::epoll_pwait2(epoll_, batch_.data(), batch_size, &rest, nullptr);
    if (count >= 0 || errno == EINTR) return count;
    nanoseconds_ = false;  // ENOSYS, or EPERM from a sandbox that does not know the call
  }
  const std::int64_t rounded_up = timeout / millisecond + (timeout % millisecond != 0);
  const auto at_most = static_cast<int>(std::min<std::int64_t>(rounded_up, std::numeric_limits<int>::max()));
  return ::epoll_wait(epoll_, batch_.data(), batch_size, at_most);
}

void epoll_poller::wake() noexcept {
  const int error = errno;  // a signal handler may be the caller
  // Fails only when the counter is full after 2^64 wakes. Not by write(2), which may be somebody else's (src/hooks).
  ::eventfd_write(event_, 1);
  errno = error;
}

}  // namespace weft::detail
