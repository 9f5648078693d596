// SPDX-License-Identifier: BSL-1.0
// poll(2) for plain threads.
//
// A close(2) wakes nobody in poll, so each thread that waits polls an eventfd of its own too, and stands in a list that
// `ring_threads` goes through. Both hold the list's lock, which is what [use-2] asks for. Waits are rare and long here;
// a second fd per wait costs less than keeping one for every thread that ever waited.
#include "net/plain_wait.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <mutex>
#include <weft/detail/net/socket_handle.hpp>

namespace weft::detail {
namespace {

struct thread_waiting {
  const use_word* use;
  int bell;
  thread_waiting* prev = nullptr;
  thread_waiting* next = nullptr;
};

struct waiting_threads {
  std::mutex mutex;
  thread_waiting* first = nullptr;
};

waiting_threads& all() noexcept {
  static waiting_threads one;
  return one;
}

// Stands in the list while it lives.
class listed {
 public:
  explicit listed(const use_word& use) : here_{&use, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)} {
    const std::lock_guard lock(all().mutex);
    here_.next = all().first;
    if (here_.next) here_.next->prev = &here_;
    all().first = &here_;
    closed_ = use.is_closed();
  }
  listed(const listed&) = delete;
  listed& operator=(const listed&) = delete;
  ~listed() {
    {
      const std::lock_guard lock(all().mutex);
      (here_.prev ? here_.prev->next : all().first) = here_.next;
      if (here_.next) here_.next->prev = here_.prev;
    }
    if (here_.bell >= 0) ::close(here_.bell);
  }

  [[nodiscard]] bool was_closed_before() const noexcept { return closed_; }
  [[nodiscard]] int bell() const noexcept { return here_.bell; }  // -1 when the process has no fd left

 private:
  thread_waiting here_;
  bool closed_ = false;
};

// poll(2) that goes on after signals. The number of ready ones, 0 when `until` has passed, or -errno.
int poll_until(pollfd* what, unsigned count, deadline until) noexcept {
  for (;;) {
    timespec timeout{};
    const auto left = until.remaining();
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    timeout.tv_sec = static_cast<time_t>(seconds.count());
    timeout.tv_nsec = static_cast<long>((left - seconds).count());
    const int ready = ppoll(what, count, until.is_never() ? nullptr : &timeout, nullptr);
    if (ready > 0) return ready;
    if (ready < 0 && errno != EINTR) return -errno;
    if (ready == 0 && until.passed()) return 0;
  }
}

int outcome_of(const pollfd& file) noexcept { return file.revents & POLLNVAL ? EBADF : 0; }

}  // namespace

int poll_on_thread(int fd, io_side side, deadline until, const use_word* use) {
  pollfd files[2] = {{fd, static_cast<short>(side == io_side::read ? POLLIN : POLLOUT), 0}, {-1, POLLIN, 0}};
  if (!use) {
    const int ready = poll_until(files, 1, until);
    return ready > 0 ? outcome_of(files[0]) : ready < 0 ? -ready : deadline_passed;
  }
  const listed here(*use);
  if (here.was_closed_before()) return ECANCELED;
  files[1].fd = here.bell();
  for (;;) {
    // Without a bell the thread must look at the word itself, now and then.
    const bool must_look = here.bell() < 0;
    const deadline next = must_look ? std::min(until, deadline(std::chrono::milliseconds(10))) : until;
    const int ready = poll_until(files, 2, next);
    if (use->is_closed()) return ECANCELED;
    if (ready > 0) return outcome_of(files[0]);
    if (ready < 0) return -ready;
    if (until.passed()) return deadline_passed;
  }
}

int poll_any_on_thread(std::span<pollfd> files, deadline until) noexcept {
  const int ready = poll_until(files.data(), static_cast<unsigned>(files.size()), until);
  return ready > 0 ? 0 : ready < 0 ? -ready : deadline_passed;
}

void ring_threads(const use_word& use) noexcept {
  const std::lock_guard lock(all().mutex);
  for (const thread_waiting* t = all().first; t; t = t->next)
    if (t->use == &use && t->bell >= 0) eventfd_write(t->bell, 1);
}

}  // namespace weft::detail
