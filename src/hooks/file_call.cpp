// SPDX-License-Identifier: BSL-1.0
#include "hooks/file_call.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>

#include "base/own_process.hpp"
#include "hooks/next.hpp"
#include "hooks/timeouts.hpp"

namespace weft::detail {
namespace {

namespace next {
constexpr next_function<"poll", int(pollfd*, nfds_t, int)> poll;
}

// Of what the descriptor remembers: that neither direction's timeout is set, or not at that moment (`timeouts::moment`).
constexpr std::uint32_t no_limit_bit[] = {16, 32}, both_limits = 16 | 32;
constexpr unsigned moment_shift = 8;
static_assert(timeouts::last_moment <= UINT32_MAX >> moment_shift);

}  // namespace

bool file_call::is_nonblocking() const noexcept {
  const int flags = ::fcntl(file_.number(), F_GETFL);
  return flags >= 0 && (flags & O_NONBLOCK);
}

bool file_call::has_ended() const noexcept { return state().sticky_events() & (EPOLLRDHUP | EPOLLHUP | EPOLLERR); }

int file_call::look(short events) const noexcept {
  pollfd file{file_.number(), events, 0};
  return next::poll(&file, 1, 0);
}

deadline file_call::limit(direction which) noexcept {
  if (has_limit_ || !is_socket()) return limit_;
  has_limit_ = true;
  const std::uint32_t known = state().kept_as(), none = no_limit_bit[unsigned(which)];
  const timeouts::moment now = timeouts::now();
  const bool is_recent = known >> moment_shift == now;
  if (is_recent && (known & none)) return limit_;
  limit_ = timeouts::limit_of(file_.number(), which);
  if (limit_.is_never() && known && now < timeouts::last_moment) {
    const std::uint32_t what =
        known & (adopted_file::kind_bits | adopted_file::records_bit | (is_recent ? both_limits : 0));
    state().remember(known, what | none | now << moment_shift);
  }
  return limit_;
}

int file_call::wait(direction which, descriptor::attempt seen) noexcept {
  if (is_nonblocking()) return EAGAIN;
  if (!is_own_process()) {
    pollfd file{file_.number(), static_cast<short>(which == direction::read ? POLLIN : POLLOUT), 0};
    return next::poll(&file, 1, -1) < 0 && errno != EINTR ? errno : 0;
  }
  if (is_unheard_) return patience_.once(*this, limit(which));
  const int error = wait_for(state(), which, seen, limit(which));
  if (!is_shortage(error)) return error;
  expect_no_event();
  return 0;
}

file_call::asking::asking(file_call& call) noexcept : state_(call.state()) {
  while (!state_.try_to_ask()) call.let_others_run();  // another worker's fiber is between its two system calls
}

file_call::asking::~asking() { state_.has_asked(); }

}  // namespace weft::detail
