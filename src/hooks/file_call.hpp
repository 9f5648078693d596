// SPDX-License-Identifier: BSL-1.0
// A hooked call on a descriptor: what the file is, when it may be tried, and how the fiber waits in between.
//
// Invariants
//  - O_NONBLOCK of the program's file is never changed here: the flag belongs to the open file, which other processes
//    may share. So each kind of file is tried in a manner of its own that does not block:
//      sockets             with MSG_DONTWAIT, but for datagrams that will never come (`try_flag`)
//      pipes, eventfds     with RWF_NOWAIT
//      others              asked by poll(2) first, under a lock of the number's; a thread that is not asked, or another
//                          process, may come in between, and then the call blocks the worker until there is more
//  - A call ends with the life that its number was in when it began: what is behind the number after a wait may be another
//    file, in whose data and connections it has no part.
//  - The kernel is asked for O_NONBLOCK only once a try has failed, and only if something may have been set since it said
//    no (`file_settings`). Where the program set it, the failure is what the call returns.
#pragma once

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <weft/base/deadline.hpp>

#include "fiber/opaque_call.hpp"
#include "hooks/adoption.hpp"
#include "hooks/caller.hpp"
#include "hooks/file_settings.hpp"
#include "hooks/patience.hpp"
#include "poll/descriptor.hpp"

namespace weft::detail {

// What a try came to.
struct tried {
  ssize_t result;
  int error;  // 0: `result` counts
};

class file_call : public opaque_call {
 public:
  // On the calling fiber, which a call of `function` on `fd` was made on.
  file_call(control_block& self, int fd, const char* function) noexcept
      : opaque_call(self), file_(fd, function), life_(file_.life()) {}

  [[nodiscard]] file_kind kind() const noexcept { return file_.kind(); }
  [[nodiscard]] bool is_socket() const noexcept { return kind() == file_kind::stream || kind() == file_kind::messages; }
  [[nodiscard]] bool ends_records() const noexcept { return file_.ends_records(); }
  [[nodiscard]] descriptor& state() const noexcept { return *file_.state(); }
  // Whether the program made the file non-blocking. Up to one system call.
  [[nodiscard]] bool is_nonblocking() const noexcept;
  // Whether this call may wait for it. Once it may, it goes on, as the kernel's do, whatever is set meanwhile; only where
  // that was remembered, and what has been set before may not have been noticed, it is asked again after a long wait.
  [[nodiscard]] bool may_wait() noexcept;
  // Whether poll(2) says one of these of it.
  [[nodiscard]] bool shows(short events) const noexcept;
  // Whether the connection is over, with an error that may not have been told: the kernel tells each once, and a call that
  // has done a part of its work leaves it to the next. Not on unix sockets, where such a call takes it and says nothing.
  // Not asked where nothing was heard in the wait behind a short read; not every stream has one (`until_received`).
  [[nodiscard]] bool leaves_error() const noexcept {
    const bool may_be_over = state().sticky_events() != 0 || file_settings::has_low_marks();
    return may_be_over && shows(POLLHUP) && !is_unix();
  }
  // Whether an error is there to be told, or something in the error queue.
  [[nodiscard]] bool has_error() const noexcept { return (state().sticky_events() & EPOLLERR) && shows(POLLERR); }
  // Unix sockets wait where others do not, and the other way round. One system call.
  [[nodiscard]] bool is_unix() const noexcept;
  // The flag of a receive that is a try. None where shutdown(2) has ended a socket of messages: the kernel says so only to
  // who would wait, and lets nobody wait.
  [[nodiscard]] int try_flag() const noexcept {
    const bool may_have_ended = kind() == file_kind::messages && (state().sticky_events() & EPOLLRDHUP);
    return may_have_ended && shows(POLLRDHUP) ? 0 : MSG_DONTWAIT;
  }

  // Whether the number was closed since the call began. To be asked wherever others may have run.
  [[nodiscard]] bool is_over() const noexcept { return file_.life() != life_; }

  // Nobody else of this process who heeds it is between asking a file and calling it.
  class asking {
   public:
    explicit asking(file_call& call) noexcept;
    asking(const asking&) = delete;
    asking& operator=(const asking&) = delete;
    ~asking();

   private:
    descriptor& state_;
  };

  // First thing in a call that may wait: 0, or ECANCELED. A non-blocking file is no place to be cancelled, which lets
  // others run and counts.
  [[nodiscard]] int begin() noexcept { return is_pending() && !is_nonblocking() ? check() : 0; }

  // May park. Tries, by a function that returns what a system call does, until that is not EAGAIN, the program made the
  // file non-blocking, or the wait ends otherwise. `seen`: of an attempt that need not be made, or 0.
  template <class Try>
  [[nodiscard]] tried until_done(direction which, Try&& attempt, descriptor::attempt seen = 0) noexcept {
    for (bool try_now = !seen;; try_now = true) {
      if (try_now) {
        seen = state().about_to_try(which);
        if (descriptor::generation_of(seen) != life_) [[unlikely]]
          return {-1, EBADF};
        const ssize_t result = attempt(seen);
        if (result >= 0) [[likely]] {
          // Whoever made the file non-blocking may be in the middle of something that others must not see.
          note_no_wait([this] { return !is_nonblocking(); });
          return {result, 0};
        }
        if (errno == EINTR) continue;
        if (errno != EAGAIN) return {-1, errno};
      }
      if (const int error = wait(which, seen)) return {-1, error};
    }
  }

  // The same for a read of up to `wanted` bytes: after one that has emptied a stream it waits first.
  template <class Try> [[nodiscard]] tried until_received(std::size_t wanted, Try&& attempt) noexcept {
    const bool is_stream = kind() == file_kind::stream;
    return until_done(
        direction::read,
        [&](descriptor::attempt seen) {
          const ssize_t got = attempt();
          if (is_stream && got > 0 && std::size_t(got) < wanted) state().note_short_read(seen);
          return got;
        },
        // Not where the file may not block: what has come may not have been heard of yet, and nobody will wait for it. Nor
        // where less may have come than is told of.
        is_stream && is_known_to_block() && !file_settings::has_low_marks() ? state().drained_since() : 0);
  }

  // Tries a call that knows no manner of not blocking, by asking poll(2) first. One direction's events. `waits`: whether
  // the call would wait when poll(2) has found nothing.
  template <class Call> [[nodiscard]] ssize_t ask_first(short events, Call&& call) noexcept {
    return ask_first(events, call, [] { return true; });
  }
  template <class Call, class Waits>
  [[nodiscard]] ssize_t ask_first(short events, Call&& call, Waits&& waits) noexcept {
    const asking guard(*this);
    if (is_over()) {
      errno = EBADF;
      return -1;
    }
    const int found = look(events);
    if (found == 0 && may_wait() && waits()) {
      errno = EAGAIN;
      return -1;
    }
    return found < 0 ? -1 : call();
  }

  // May park, after a try that said EAGAIN. 0: try again, also a last time when its timeout has passed: what came in time
  // counts, however late the fiber runs. EAGAIN: the file is non-blocking, or that try has failed, too.
  [[nodiscard]] int wait(direction which, descriptor::attempt seen) noexcept;
  // Another message of the same call, for which the timeouts begin anew.
  void begin_message() noexcept {
    has_limit_ = is_late_ = false;
    limit_ = never;
  }
  // From now on, where no option of a socket says how long.
  void wait_at_most(std::chrono::nanoseconds length) noexcept {
    has_limit_ = true;
    is_late_ = false;
    limit_ = deadline(length);
  }
  // Whether the time has passed, and this try is the last.
  [[nodiscard]] bool is_late() const noexcept { return is_late_; }
  // No event will tell when another try is worth while: from now on `wait` waits a little, and longer each time.
  void expect_no_event() noexcept { is_unheard_ = true; }
  void look_again(const char* function) noexcept {
    file_.look_again(function);
    life_ = file_.life();
  }

 private:
  // What poll(2) says, without a wait.
  [[nodiscard]] int look(short events) const noexcept;
  [[nodiscard]] int wait_in_place(direction which) noexcept;
  [[nodiscard]] int wait_once(direction which, descriptor::attempt seen) noexcept;
  // What the kernel has said of the file and may be relied on.
  [[nodiscard]] bool remembers(std::uint32_t answer) const noexcept;
  [[nodiscard]] bool is_known_to_block() const noexcept;
  class question;
  [[nodiscard]] deadline limit(direction which) noexcept;

  adopted_file file_;
  std::uint32_t life_;
  bool may_wait_ = false;
  bool is_remembered_ = false;  // that it may
  bool is_unheard_ = false;
  bool has_limit_ = false;  // `limit_` counts
  bool is_late_ = false;    // it has passed
  patience patience_;
  deadline limit_;
};

}  // namespace weft::detail
