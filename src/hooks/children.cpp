// SPDX-License-Identifier: BSL-1.0
// waitpid(2) and its relatives, and system(3).
//
// The end of one child is heard by a pidfd. Where there is none (any child, a group, a child that only stops, an old
// kernel) the kernel is asked again and again, each time a little later: the fiber learns of it up to 50 ms late.
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <weft/base/deadline.hpp>

#include "base/own_process.hpp"
#include "hooks/adoption.hpp"
#include "hooks/caller.hpp"
#include "hooks/elsewhere.hpp"
#include "hooks/file_settings.hpp"
#include "hooks/lives.hpp"
#include "hooks/next.hpp"
#include "hooks/next_shared.hpp"
#include "hooks/patience.hpp"
#include "hooks/table.hpp"
#include "hooks/uninterrupted.hpp"

namespace weft::detail {

namespace next {
constexpr next_function<"wait", pid_t(int*)> wait;
constexpr next_function<"wait3", pid_t(int*, int, struct rusage*)> wait3;
constexpr next_function<"wait4", pid_t(pid_t, int*, int, struct rusage*)> wait4;
constexpr next_function<"waitpid", pid_t(pid_t, int*, int)> waitpid;
constexpr next_function<"waitid", int(idtype_t, id_t, siginfo_t*, int)> waitid;
constexpr next_function<"system", int(const char*)> system;
}  // namespace next

namespace {

// A number of ours that is ready when a child has ended; -1 if the kernel has none.
class end_of_child {
 public:
  explicit end_of_child(pid_t child) noexcept : fd_(child > 0 ? int(syscall(SYS_pidfd_open, child, 0)) : -1) {
    if (fd_ >= 0) begin_life(fd_);
  }
  end_of_child(const end_of_child&) = delete;
  end_of_child& operator=(const end_of_child&) = delete;
  ~end_of_child() {
    if (fd_ < 0) return;
    const ended_lives ended(fd_);
    next::close(fd_);
  }
  [[nodiscard]] int number() const noexcept { return fd_; }

 private:
  const int fd_;
};

// Asks, by a function that returns what a wait with WNOHANG does, until that is not 0. `child`: whose end is enough; 0 if
// other things are waited for.
template <class Ask>
int until_it_is_not_zero(opaque_call& call, const char* function, pid_t child, Ask&& ask) noexcept {
  if (const int error = call.check()) return call.returns(error, 0);
  if (const int result = uninterrupted(ask); result != 0)
    return call.returns(result < 0 ? errno : 0, result);  // as is usual
  const end_of_child end(child);
  const adopted_file file = end.number() >= 0 ? adopted_file(end.number(), function) : adopted_file();
  descriptor* state = file.state();
  for (patience waits;;) {
    const auto seen = state ? state->about_to_try(direction::read) : 0;  // [fd-1]
    if (const int result = uninterrupted(ask); result != 0) return call.returns(result < 0 ? errno : 0, result);
    const int error = state ? call.wait_for(*state, direction::read, seen, never) : waits.once(call);
    if (is_shortage(error))
      state = nullptr;
    else if (error)
      return call.returns(error, 0);
  }
}

pid_t wait_on_fiber(control_block& self, const char* function, pid_t child, int* status, int options,
                    struct rusage* used) noexcept {
  opaque_call call(self);
  const bool only_its_end = !(options & (WUNTRACED | WCONTINUED));
  return until_it_is_not_zero(call, function, only_its_end ? child : 0,
                              [&] { return next::wait4(child, status, options | WNOHANG, used); });
}

// A pidfd that does not block is not waited for. P_PIDFD, for which older libcs have no name.
[[nodiscard]] bool waits(idtype_t which, id_t id, int options) noexcept {
  constexpr auto pidfd = idtype_t(3);
  return !(options & WNOHANG) && !(which == pidfd && file_settings::is_nonblocking(int(id)));
}

// waitid(2) says by another way whether there was somebody.
int waitid_on_fiber(control_block& self, idtype_t which, id_t id, siginfo_t* what, int options) noexcept {
  opaque_call call(self);
  siginfo_t own;
  siginfo_t& told = what ? *what : own;
  const bool only_its_end = which == P_PID && !(options & (WSTOPPED | WCONTINUED));
  const int result = until_it_is_not_zero(call, "waitid", only_its_end ? pid_t(id) : 0, [&] {
    told.si_pid = 0;
    if (next::waitid(which, id, &told, options | WNOHANG) != 0) return -1;
    return int(told.si_pid);
  });
  return result < 0 ? -1 : 0;
}

}  // namespace

const hooks_file children_hooks{};

extern "C" {

pid_t wait(int* status) {
  control_block* const self = hooked_fiber();
  if (!self || !is_own_process()) [[likely]]
    return next::wait(status);
  return wait_on_fiber(*self, "wait", -1, status, 0, nullptr);
}

pid_t wait3(int* status, int options, struct rusage* used) noexcept {
  control_block* const self = hooked_fiber();
  if (!self || (options & WNOHANG) || !is_own_process()) [[likely]]
    return next::wait3(status, options, used);
  return wait_on_fiber(*self, "wait3", -1, status, options, used);
}

pid_t wait4(pid_t child, int* status, int options, struct rusage* used) noexcept {
  control_block* const self = hooked_fiber();
  if (!self || (options & WNOHANG) || !is_own_process()) [[likely]]
    return next::wait4(child, status, options, used);
  return wait_on_fiber(*self, "wait4", child, status, options, used);
}

pid_t waitpid(pid_t child, int* status, int options) {
  control_block* const self = hooked_fiber();
  if (!self || (options & WNOHANG) || !is_own_process()) [[likely]]
    return next::waitpid(child, status, options);
  return wait_on_fiber(*self, "waitpid", child, status, options, nullptr);
}

int waitid(idtype_t which, id_t id, siginfo_t* what, int options) {
  control_block* const self = hooked_fiber();
  if (!self || !waits(which, id, options) || !is_own_process()) [[likely]]
    return next::waitid(which, id, what, options);
  return waitid_on_fiber(*self, which, id, what, options);
}

int system(const char* command) {
  control_block* const self = hooked_fiber();
  if (!self || !command || !is_own_process()) [[likely]]
    return next::system(command);
  opaque_call call(*self);
  const auto made = make_elsewhere<int>([&] { return next::system(command); });
  return call.returns(made.result == -1 ? made.error : 0, made.result);
}

}  // extern "C"

}  // namespace weft::detail
