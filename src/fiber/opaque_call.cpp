// SPDX-License-Identifier: BSL-1.0
#include "fiber/opaque_call.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <ctime>
#include <new>
#include <optional>
#include <system_error>
#include <weft/base/error.hpp>

#include "base/own_process.hpp"
#include "fiber/waiting.hpp"

namespace weft::detail {
namespace {

// An errno, 0 for success.
template <class Attempt> int error_of(Attempt&& attempt) noexcept {
  try {
    return attempt();
  } catch (const cancelled&) {
    return ECANCELED;
  } catch (const std::system_error& e) {
    return e.code().value();
  } catch (const std::bad_alloc&) {
    return ENOMEM;
  }
}

// A child of vfork(2) has the parent's memory and its one thread.
int sleep_in_place(deadline until) noexcept {
  constexpr std::int64_t second = 1'000'000'000;
  const std::int64_t at = std::max(until.to_nanoseconds(), std::int64_t{0});
  const timespec when{static_cast<time_t>(at / second), static_cast<long>(at % second)};
  while (::syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &when, nullptr) != 0 && errno == EINTR) {
  }
  return 0;
}

// [fd-2] False: a device that the poller refuses, and which tells nobody when it becomes ready.
bool listens_for(const watched& with, poller& by) {
  try {
    with.file->settle(by, with.seen);
    return true;
  } catch (const std::system_error& e) {
    if (e.code().value() != EPERM) throw;
    return false;
  }
}

}  // namespace

opaque_call::opaque_call(control_block& self) noexcept : self_(self), errno_(errno), movable_(self.kind.movable) {
  if (!movable_) return;
  self.kind.movable = false;
  self.home = &self.desk->at;
}

opaque_call::~opaque_call() {
  if (!movable_) return;
  self_.kind.movable = true;
  self_.home = nullptr;
  self_.resume = &resume_with_state;  // it may have been resumed as a sticky one, which leaves `resume_fiber` there
}

void opaque_call::set_errno(int error) const noexcept { errno = error ? error : errno_; }

int opaque_call::sleep_until(deadline until) noexcept {
  if (!is_own_process()) return sleep_in_place(until);
  return error_of([&] {
    waiting me(&self_, waiting::may_cancel::yes, "its sleep to end");
    me.heed(me.park(until));
    return 0;
  });
}

int opaque_call::check_slowly() noexcept {
  if (!is_own_process()) return 0;  // to deliver may be to let others run first
  return error_of([] {
    check_cancellation();
    return 0;
  });
}

void opaque_call::let_others_run() noexcept {
  self_.calls_without_wait = 0;
  if (!is_own_process()) return;  // a child of vfork must not run the parent's fibers
  yield(*self_.desk, self_);
}

int opaque_call::wait_for(descriptor& d, direction which, descriptor::attempt seen, deadline until) noexcept {
  self_.calls_without_wait = 0;
  return error_of([&] {
    d.settle(*self_.desk->at.poller, seen);  // [fd-2]
    waiting me(&self_, waiting::may_cancel::yes, which == direction::read ? "input" : "room for output");
    wait_node node(me.who(), me.ticket());
    switch (d.wait_begin(which, node, seen)) {  // [fd-3]
      case wait_duty::park:
        break;
      case wait_duty::retry:
        me.heed(me.forgo());
        return 0;
      case wait_duty::closed:
        me.heed(me.forgo());
        return EBADF;
    }
    const bool may_be_another = !d.is_open() && !has_looked_;
    std::optional<long_waits::place> old;
    if (may_be_another) old.emplace(self_.desk->waits, me.who(), me.ticket());
    const outcome why = me.park(until);
    const bool was_long = old && old->was_long();
    if (why == outcome::woken && !was_long) return 0;
    if (why == outcome::closed) return EBADF;
    d.wait_end(which, node);  // [fd-5]
    me.heed(why);
    if (!was_long) return EAGAIN;
    has_looked_ = true;
    wake_list woken;
    d.confirm(woken);
    woken.unpark_all();
    return 0;
  });
}

int opaque_call::wait_for_any(watched*& files, deadline until) noexcept {
  self_.calls_without_wait = 0;
  const int error = error_of([&] {
    bool may_be_others = false;
    for (watched** at = &files; *at;) {
      if (!listens_for(**at, *self_.desk->at.poller)) {
        *at = (*at)->next;
        continue;
      }
      may_be_others |= !has_looked_ && !(*at)->file->is_open();
      at = &(*at)->next;
    }
    waiting me(&self_, waiting::may_cancel::yes, files ? "one of several files" : "its time");
    const auto unlink = [&files] {
      for (watched* w = files; w; w = w->next) w->file->wait_end(w->which, w->node);  // [fd-5]
    };
    for (watched* w = files; w; w = w->next) {
      w->node.who = &me.who();
      w->node.generation = me.ticket();
      if (w->file->wait_begin(w->which, w->node, w->seen) == wait_duty::park) continue;  // [fd-3]
      const outcome why = me.forgo();
      unlink();
      me.heed(why);
      return 0;
    }
    std::optional<long_waits::place> old;
    if (may_be_others) old.emplace(self_.desk->waits, me.who(), me.ticket());
    const outcome why = me.park(until);
    unlink();
    me.heed(why);
    if (!old || !old->was_long()) return why == outcome::deadline ? EAGAIN : 0;
    has_looked_ = true;
    wake_list woken;
    for (const watched* w = files; w; w = w->next) w->file->confirm(woken);
    woken.unpark_all();
    return 0;
  });
  return error == EBADF ? 0 : error;  // the poller's: a number that was closed since it was looked at
}

}  // namespace weft::detail
