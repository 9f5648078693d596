// SPDX-License-Identifier: BSL-1.0
#include "stackless/fd_watches.hpp"

#include <poll.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>
#include <weft/base/error.hpp>
#include <weft/detail/stackless/task_join.hpp>
#include <weft/stackless/error.hpp>
#include <weft/stackless/error_context.hpp>
#include <weft/stackless/sleep.hpp>

#include "stackless/loop_core.hpp"
#include "stackless/tasks.hpp"

namespace weft::detail {
namespace {

bool is_ready(int fd, direction which) noexcept {
  pollfd one{fd, short(which == direction::read ? POLLIN | POLLPRI : POLLOUT), 0};
  return ::poll(&one, 1, 0) > 0;
}

// Ends a life that `borrow` began, on every path.
class borrowed_descriptor {
 public:
  explicit borrowed_descriptor(descriptor& d) noexcept : d_(d) {
    wake_list woken;
    if (d_.borrow(woken)) d_.confirm(woken);
    woken.unpark_all();
  }
  borrowed_descriptor(const borrowed_descriptor&) = delete;
  borrowed_descriptor& operator=(const borrowed_descriptor&) = delete;
  ~borrowed_descriptor() {
    wake_list woken;
    d_.give_back(woken);
    woken.unpark_all();
  }

 private:
  descriptor& d_;
};

// co_await: until the descriptor is ready. False: it was closed, or the task is cancelled.
class readiness : public operation {
 public:
  readiness(descriptor& d, direction which) noexcept : operation(&proceed), d_(d), which_(which) {}
  [[nodiscard]] bool await_resume() const noexcept { return ready_; }

 private:
  static bool proceed(operation& self) noexcept { return static_cast<readiness&>(self).advance(); }
  bool advance() noexcept {
    if (waiting_) {
      waiting_ = false;
      const outcome why = wait_.end();
      if (why != outcome::woken && why != outcome::closed) d_.wait_end(which_, wait_.node());  // [fd-5]
      if (why != outcome::woken) return true;
    }
    for (;;) {
      if (take_cancellation(self())) return true;
      const auto seen = d_.about_to_try(which_);  // [fd-1]
      if ((ready_ = is_ready(d_.number(), which_))) return true;
      try {
        d_.settle(*self().desk->at.poller, seen);  // [fd-2]
      } catch (...) {
        return true;
      }
      if (!wait_.begin(self(), "a descriptor")) return true;
      const wait_duty duty = d_.wait_begin(which_, wait_.node(), seen);  // [fd-3]
      if (duty == wait_duty::park) {
        waiting_ = true;
        return false;
      }
      if (!wait_.forgo()) {
        waiting_ = true;
        return false;
      }
      if (duty == wait_duty::closed) return true;
    }
  }

  descriptor& d_;
  const direction which_;
  task_wait wait_;
  bool waiting_ = false;
  bool ready_ = false;
};

}  // namespace

void require_watchable(int fd) {
  struct stat what;
  if (fd < 0 || ::fstat(fd, &what)) throw_errno(fd < 0 ? EBADF : errno, "weft::stackless: add_reader, add_writer");
  if (S_ISREG(what.st_mode) || S_ISDIR(what.st_mode))
    throw_errno(EPERM, "weft::stackless: a regular file or directory is always ready and cannot be watched");
  (void)descriptor::of(fd);
}

stackless::task<> fd_watches::follow(loop_core& loop, int fd, direction which, std::shared_ptr<watch> mine) {
  descriptor& d = descriptor::of(fd);
  const borrowed_descriptor life(d);
  while (co_await readiness(d, which)) {
    if (mine->removed.load(std::memory_order_relaxed)) co_return;
    loop.mark_turn();
    try {
      mine->what->call();
    } catch (...) {
      loop.handle({"Exception in callback", std::current_exception(), mine->what->where});
    }
    if (mine->removed.load(std::memory_order_relaxed)) co_return;
    co_await stackless::yield();
  }
}

void fd_watches::add(int fd, direction which, counted_pointer<callback> what) {
  auto made = std::make_shared<watch>();
  made->what = std::move(what);
  made->what->loop = &of_;
  auto body = follow(of_, fd, which, made);
  const std::lock_guard guard(lock_);
  const auto old = watches_.find({fd, which});
  if (old != watches_.end()) end(*old->second);
  made->task = start_hidden(of_, body, made->what->where);
  watches_.insert_or_assign({fd, which}, std::move(made));
}

bool fd_watches::remove(int fd, direction which) {
  const std::lock_guard guard(lock_);
  const auto found = watches_.find({fd, which});
  if (found == watches_.end()) return false;
  end(*found->second);
  watches_.erase(found);
  return true;
}

void fd_watches::clear() noexcept {
  decltype(watches_) dropped;
  const std::lock_guard guard(lock_);
  dropped.swap(watches_);
}

void fd_watches::end(watch& w) noexcept {
  w.removed.store(true, std::memory_order_relaxed);
  w.task.cancel();
}

}  // namespace weft::detail
