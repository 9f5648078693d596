// SPDX-License-Identifier: BSL-1.0
// Waiting for sockets and other files.
#include "net/wait.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <thread>
#include <weft/base/error.hpp>
#include <weft/net/wait.hpp>

#include "fiber/switching.hpp"
#include "net/plain_wait.hpp"
#include "net/socket.hpp"

namespace weft::detail {
namespace {

// Parks the fiber until the descriptor has heard something after `seen`. 0, deadline_passed, ECANCELED or an errno.
// Flat: each frame that a parked fiber leaves on its stack is one more line to fetch when it is woken.
[[gnu::flatten]] int park_on(descriptor& d, io_side side, descriptor::attempt seen, deadline until,
                             control_block& self) {
  const auto which = direction(side);
  try {
    d.settle(*self.desk->at.poller, seen);  // [fd-2]
  } catch (const std::system_error& e) {
    return e.code().value();
  } catch (const std::bad_alloc&) {
    return ENOMEM;
  }
  waiting me(&self, waiting::may_cancel::yes, what_is_awaited(side));
  wait_node node(me.who(), me.ticket());
  switch (d.wait_begin(which, node, seen)) {  // [fd-3]
    case wait_duty::park:
      break;
    case wait_duty::retry:
      me.heed(me.forgo());
      return 0;
    case wait_duty::closed:
      me.heed(me.forgo());
      return ECANCELED;
  }
  const outcome why = me.park(until);
  if (why != outcome::woken && why != outcome::closed) d.wait_end(which, node);  // [fd-5]
  me.heed(why);
  return why == outcome::woken ? 0 : why == outcome::closed ? ECANCELED : deadline_passed;
}

}  // namespace

void pause_until(control_block* self, deadline until) {
  if (!self) {
    std::this_thread::sleep_until(until.time_point());
    return;
  }
  waiting me(self, waiting::may_cancel::yes, "a pause");
  me.heed(me.park(until));
}

void note_transferred(std::size_t bytes) noexcept {
  control_block* const self = current_fiber();
  if (!self) return;
  self->last_transferred = bytes;
  self->is_plain = false;  // so that `recycle` takes it away
}

void socket_wait::yield_to_others(control_block& self) { yield(*self.desk, self); }

int socket_wait::until_ready(control_block* self, const socket_handle& s, io_side side, descriptor::attempt seen,
                             deadline until) {
  has_waited(s);
  if (self) [[likely]]
    return park_on(*s.state_, side, seen, until, *self);
  // An error that no try meets is one to poll(2) again and again.
  if (until.passed()) return deadline_passed;
  return poll_on_thread(s.fd_, side, until, &s.use_);
}

void socket_wait::wake_all(const socket_handle& s) noexcept {
  wake_list woken;
  s.state_->close(woken);
  woken.unpark_all();
  ring_threads(s.use_);
}

namespace {

// Ends a life that `borrow` began, on every path.
class borrowed {
 public:
  explicit borrowed(descriptor& d) noexcept : d_(d) {
    wake_list woken;
    if (d_.borrow(woken)) d_.confirm(woken);
    life_ = d_.generation();
    woken.unpark_all();
  }
  borrowed(const borrowed&) = delete;
  borrowed& operator=(const borrowed&) = delete;
  ~borrowed() {
    wake_list woken;
    d_.give_back(woken);
    woken.unpark_all();
  }

  // Whether that life has been ended meanwhile, so that the number names another file, or none.
  [[nodiscard]] bool is_over_in(descriptor::attempt seen) const noexcept {
    return descriptor::generation_of(seen) != life_;
  }

 private:
  descriptor& d_;
  std::uint32_t life_ = 0;
};

// Files without poll(2) of their own count as ready there, which is an answer for devices such as /dev/null only.
int judge_unpollable(int fd) noexcept {
  struct stat what;
  if (::fstat(fd, &what)) return errno;
  return S_ISREG(what.st_mode) || S_ISDIR(what.st_mode) ? EPERM : 0;
}

int wait_for_file(int fd, io_side side, deadline until) {
  check_cancellation();
  if (fd < 0) return EBADF;  // poll(2) would wait
  control_block* const self = current_fiber();
  if (!self) {
    const int error = poll_on_thread(fd, side, until, nullptr);
    return error ? error : judge_unpollable(fd);
  }
  if (fd >= descriptor::table_limit) return EBADF;
  descriptor& d = descriptor::of(fd);
  const borrowed life(d);
  for (bool is_over = false;;) {
    const auto seen = d.about_to_try(direction(side));
    if (life.is_over_in(seen)) return ECANCELED;
    if (is_ready(fd, side)) {
      // What is not open counts as ready, too.
      const int error = poll_on_thread(fd, side, deadline(std::chrono::seconds(0)), nullptr);
      return error == deadline_passed ? 0 : error ? error : judge_unpollable(fd);
    }
    if (is_over) return deadline_passed;
    const int error = park_on(d, side, seen, until, *self);
    is_over = error == deadline_passed;  // what came in time may not have been heard of
    if (error && !is_over) return error;
  }
}

}  // namespace
}  // namespace weft::detail

namespace weft::net {
namespace {

bool wait_or_throw(int fd, detail::io_side side, deadline until, const char* doing) {
  const int error = detail::wait_for_file(fd, side, until);
  if (error == 0 || error == detail::deadline_passed) return error == 0;
  throw std::system_error(detail::to_error_code(error), std::string(doing) + "(fd " + std::to_string(fd) + ")" +
                                                            (error == EPERM ? ": a regular file or directory" : ""));
}

bool wait_or_note(int fd, detail::io_side side, deadline until, std::error_code& ec) {
  const int error = detail::wait_for_file(fd, side, until);
  ec.clear();
  if (error && error != detail::deadline_passed) ec = detail::to_error_code(error);
  return error == 0;
}

}  // namespace

bool wait_readable(int fd, deadline until) { return wait_or_throw(fd, detail::io_side::read, until, "wait_readable"); }
bool wait_readable(int fd, std::error_code& ec) { return wait_or_note(fd, detail::io_side::read, never, ec); }
bool wait_readable(int fd, deadline until, std::error_code& ec) {
  return wait_or_note(fd, detail::io_side::read, until, ec);
}

bool wait_writable(int fd, deadline until) { return wait_or_throw(fd, detail::io_side::write, until, "wait_writable"); }
bool wait_writable(int fd, std::error_code& ec) { return wait_or_note(fd, detail::io_side::write, never, ec); }
bool wait_writable(int fd, deadline until, std::error_code& ec) {
  return wait_or_note(fd, detail::io_side::write, until, ec);
}

}  // namespace weft::net
