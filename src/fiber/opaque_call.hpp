// SPDX-License-Identifier: BSL-1.0
// A wait in the middle of code that knows nothing of fibers: a function of libc's that was called on one (src/hooks).
//
// Invariants
//  - Such code may keep `&errno` or the address of any thread-local across the call. So while one goes on even a movable
//    fiber is resumed by the worker it is on, and a call that succeeds leaves errno as it found it, although other fibers
//    have used it meanwhile.
//  - No exception leaves it: there may be C frames above. A cancellation is ECANCELED, and strikes again, as an exception,
//    at the fiber's next cancellation point outside of such code.
//
// All of it is out of line: weft-hooks is a library of its own, and the switch is not its business.
#pragma once

#include <weft/base/deadline.hpp>

#include "fiber/control_block.hpp"
#include "poll/descriptor.hpp"

namespace weft::detail {

// One of several files that a call waits for, in the caller's memory, in a list of the caller's.
struct watched {
  descriptor* file = nullptr;
  direction which = direction::read;
  descriptor::attempt seen = 0;
  watched* next = nullptr;
  wait_node node;
};

// One call, as long as it lives; on the fiber's own stack.
class opaque_call {
 public:
  explicit opaque_call(control_block& self) noexcept;
  opaque_call(const opaque_call&) = delete;
  opaque_call& operator=(const opaque_call&) = delete;
  ~opaque_call();

  // All of these may park.

  // A cancellation point. 0 when the time has come, or ECANCELED.
  [[nodiscard]] int sleep_until(deadline until) noexcept;
  // A cancellation point. 0 when the descriptor has heard something after `seen`, and now and then for no reason: try
  // again. EAGAIN when `until` came first, ECANCELED, EBADF if the number was closed meanwhile, or an errno of the
  // poller's: EPERM for a file that cannot be waited for.
  [[nodiscard]] int wait_for(descriptor& d, direction which, descriptor::attempt seen, deadline until) noexcept;
  // The same for the first of several; without any (null) it only waits for the time. A file that is closed meanwhile is a
  // reason to try again. Files that cannot be waited for are taken off the list.
  [[nodiscard]] int wait_for_any(watched*& files, deadline until) noexcept;

  // Whether a cancellation point may have something to say.
  [[nodiscard]] bool is_pending() const noexcept { return self_.word.pending(); }
  // A cancellation point that does not wait: 0 or ECANCELED.
  [[nodiscard]] int check() noexcept {
    if (!is_pending()) [[likely]]
      return 0;
    return check_slowly();
  }
  // After something was done without a wait. A fiber that goes on and on like that lets others run now and then.
  void note_no_wait() noexcept {
    if (++self_.calls_without_wait >= longest_streak) [[unlikely]]
      let_others_run();
  }
  // The same where others may run only if `is_place` says so, which is asked once in a streak.
  template <class Is_place> void note_no_wait(Is_place&& is_place) noexcept {
    if (++self_.calls_without_wait % longest_streak == 0 && is_place()) [[unlikely]]
      let_others_run();
  }
  void let_others_run() noexcept;
  // Whether a wait has been long (`long_waits`): then it was looked whose the numbers are.
  [[nodiscard]] bool has_looked() const noexcept { return has_looked_; }

  // What the call returns that says -1 and errno, or its result.
  template <class Result> [[nodiscard]] Result returns(int error, Result result) const noexcept {
    set_errno(error);
    return error ? Result(-1) : result;
  }
  // What the call returns that says which error it was and leaves errno alone.
  [[nodiscard]] int returns_error(int error) const noexcept {
    set_errno(0);
    return error;
  }

 private:
  // 0: as it was.
  void set_errno(int error) const noexcept;
  [[nodiscard]] int check_slowly() noexcept;

  static constexpr unsigned longest_streak = 16;  // system calls, so about as long as a worker's fair turn

  control_block& self_;
  const int errno_;
  const bool movable_;
  bool has_looked_ = false;
};

}  // namespace weft::detail
