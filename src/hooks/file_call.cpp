// SPDX-License-Identifier: BSL-1.0
#include "hooks/file_call.hpp"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <weft/detail/base/cpu_relax.hpp>

#include "base/own_process.hpp"
#include "hooks/next_shared.hpp"

namespace weft::detail {
namespace {

// Of what the descriptor remembers: what was not set at a moment of `file_settings`, and which.
constexpr std::uint32_t no_limit[] = {16, 32}, blocks = 64, answers = 16 | 32 | 64;
constexpr unsigned moment_shift = 8;
static_assert(file_settings::last_moment <= UINT32_MAX >> moment_shift);

}  // namespace

bool file_call::remembers(std::uint32_t answer) const noexcept {
  const std::uint32_t known = state().kept_as();
  return (known & answer) && known >> moment_shift == file_settings::now() && !is_unheard_;
}

// Made before the kernel is asked: the answer is of that moment, and of the life that the number was in.
class file_call::question {
 public:
  explicit question(descriptor& about) noexcept : about_(about), known_(about.memory()), at_(file_settings::now()) {}

  void remember(std::uint32_t answer) const noexcept {
    const auto known = static_cast<std::uint32_t>(known_);
    // A child of vfork(2) has numbers of its own, and only the memory is its parent's.
    if (!known || at_ == file_settings::last_moment || !is_own_process()) return;
    const std::uint32_t others = known >> moment_shift == at_ ? known & answers : 0;
    about_.remember(known_, (known & what_it_is) | others | answer | at_ << moment_shift);
  }
  void forget() const noexcept {
    if (known_) about_.remember(known_, static_cast<std::uint32_t>(known_) & what_it_is);
  }

 private:
  static constexpr std::uint32_t what_it_is = adopted_file::kind_bits | adopted_file::records_bit;

  descriptor& about_;
  const std::uint64_t known_;
  const file_settings::moment at_;
};

bool file_call::is_known_to_block() const noexcept { return remembers(blocks); }

bool file_call::is_nonblocking() const noexcept {
  if (is_known_to_block()) return false;
  const question asked(state());
  if (file_settings::is_nonblocking(file_.number())) return true;
  asked.remember(blocks);
  return false;
}

bool file_call::may_wait() noexcept {
  if (may_wait_) return true;
  is_remembered_ = is_known_to_block();
  may_wait_ = !is_nonblocking();
  return may_wait_;
}

int file_call::look(short events) const noexcept {
  pollfd file{file_.number(), events, 0};
  return next::poll(&file, 1, 0);
}

bool file_call::is_unix() const noexcept {
  int domain = 0;
  socklen_t size = sizeof domain;
  return getsockopt(file_.number(), SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX;
}

bool file_call::shows(short events) const noexcept {
  pollfd file{file_.number(), events, 0};
  return next::poll(&file, 1, 0) > 0 && (file.revents & events);
}

deadline file_call::limit(direction which) noexcept {
  if (has_limit_ || !is_socket()) return limit_;
  has_limit_ = true;
  const std::uint32_t none = no_limit[unsigned(which)];
  if (remembers(none)) return limit_;
  const question asked(state());
  limit_ = file_settings::limit_of(file_.number(), which);
  if (limit_.is_never()) asked.remember(none);
  return limit_;
}

int file_call::wait(direction which, descriptor::attempt seen) noexcept {
  if (is_late_ || !may_wait()) return EAGAIN;
  const int error = wait_once(which, seen);
  if (error != EAGAIN) return error;
  is_late_ = true;
  return 0;
}

// A child of vfork(2), which has no poller.
int file_call::wait_in_place(direction which) noexcept {
  pollfd file{file_.number(), static_cast<short>(which == direction::read ? POLLIN : POLLOUT), 0};
  const deadline until = limit(which);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until.remaining()).count();
  const auto most = std::min<std::int64_t>(left, std::numeric_limits<int>::max());
  const int found = next::poll(&file, 1, until.is_never() ? -1 : static_cast<int>(most));
  if (found < 0 && errno != EINTR) return errno;
  return until.passed() ? EAGAIN : 0;
}

int file_call::wait_once(direction which, descriptor::attempt seen) noexcept {
  if (!is_own_process()) return wait_in_place(which);
  if (is_unheard_) return patience_.once(*this, limit(which));
  const bool had_looked = has_looked();
  const int error = wait_for(state(), which, seen, limit(which));
  if (has_looked() != had_looked) {  // and so has waited for long: somebody may have changed it behind our back
    question(state()).forget();
    has_limit_ = !limit_.is_never();
    may_wait_ = may_wait_ && !is_remembered_;
  }
  if (!is_shortage(error)) return error;
  expect_no_event();
  return 0;
}

file_call::asking::asking(file_call& call) noexcept : state_(call.state()) {
  // Another worker's fiber is between its two system calls.
  for (unsigned spins = 0; !state_.try_to_ask();) {
    if (call.is_nonblocking())
      relax(spins++);  // no place where others run
    else
      call.let_others_run();
  }
}

file_call::asking::~asking() { state_.has_asked(); }

}  // namespace weft::detail
