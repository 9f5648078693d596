// SPDX-License-Identifier: BSL-1.0
// The server behind `serve`.
#include <weft/detail/net/server.hpp>

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <new>
#include <string>
#include <utility>
#include <weft/base/error.hpp>
#include <weft/fiber/deadline_scope.hpp>

#include "fiber/fibers.hpp"
#include "fiber/waiting.hpp"

namespace weft::detail {
namespace {

using namespace std::chrono_literals;

void say(const std::string& line) noexcept {
  // Whole lines at once; if stderr takes no more, nobody can be told.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

std::string text_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "an exception that is no std::exception";
  }
}

bool is_exhaustion(const std::error_code& ec) noexcept {
  return ec == std::errc::too_many_files_open || ec == std::errc::too_many_files_open_in_system ||
         ec == std::errc::no_buffer_space || ec == std::errc::not_enough_memory;
}

}  // namespace

// What a connection's fiber runs. When it goes, run or not, the connection has ended.
class server::body {
 public:
  explicit body(connection& which) noexcept : which_(&which) {}
  body(body&& other) noexcept : which_(std::exchange(other.which_, nullptr)) {}
  body& operator=(body&&) = delete;
  ~body() {
    if (which_) which_->of->ended(*which_);
  }
  void operator()() noexcept { which_->of->run_connection(*which_); }

 private:
  connection* which_;
};

server::server(net::serve_options with, std::source_location where) : options_(std::move(with)), where_(where) {
  const control_block* const self = current_fiber();
  if (!self) throw_error(std::errc::operation_not_permitted, "weft::net::serve needs a fiber to run on");
  load_.resize(self->of->owner().worker_count());
}

// Waits until `reached()`, called under the lock, says so. False if `until` came first.
template <class Condition> bool server::wait_for(bool may_cancel, deadline until, Condition&& reached) {
  for (;;) {
    waiting me(may_cancel ? waiting::may_cancel::yes : waiting::may_cancel::no, "connections to end");
    wait_node node(me.who(), me.ticket());
    bool is_reached = false;
    {
      const std::lock_guard guard(lock_);
      is_reached = reached();
      if (!is_reached) news_.push_back(node);
    }
    if (is_reached) {
      me.heed(me.forgo());
      return true;
    }
    const outcome why = me.park(until);
    {
      const std::lock_guard guard(lock_);
      news_.remove(node);
    }
    me.heed(why);
    if (why == outcome::deadline) return false;
  }
}

void server::run(acceptor& from) {
  try {
    accept_all(from);
    wait_until_reaped(true);
  } catch (...) {
    stop();
    throw;
  }
}

void server::accept_all(acceptor& from) {
  for (;;) {
    reap();
    if (options_.max_connections) wait_for(true, never, [this] { return serving_ < options_.max_connections; });
    std::error_code ec;
    std::unique_ptr<connection> fresh;
    try {
      fresh = from.accept(ec);
    } catch (const std::bad_alloc&) {
      ec = std::make_error_code(std::errc::not_enough_memory);
    }
    if (fresh) {
      patience_ = 0ns;
      start(std::move(fresh));
    } else if (ec == std::errc::operation_canceled || ec == std::errc::bad_file_descriptor) {
      return;  // the listener was closed
    } else {
      const std::string what = "accept on " + from.where().to_string();
      if (!is_exhaustion(ec)) throw std::system_error(ec, what);
      back_off(what + ": " + ec.message());
    }
  }
}

// Pauses, longer each time, but not beyond the end of a connection, which gives back what there is too little of.
void server::back_off(const std::string& why) {
  if (quiet_until_.passed()) {
    say("weft: " + why + "; trying again\n");
    quiet_until_ = 10s;
  }
  patience_ = std::clamp<std::chrono::nanoseconds>(patience_ * 2, 1ms, 1s);
  std::size_t before;
  {
    const std::lock_guard guard(lock_);
    before = serving_;
  }
  wait_for(true, patience_, [&] { return serving_ < before; });
  reap();
}

unsigned server::least_loaded() noexcept {
  const auto workers = static_cast<unsigned>(load_.size());
  turn_ = turn_ + 1 < workers ? turn_ + 1 : 0;
  unsigned best = turn_;
  for (unsigned i = 0; i < workers; ++i)
    if (load_[i] < load_[best]) best = i;
  return best;
}

void server::start(std::unique_ptr<connection> fresh) {
  connection& one = *fresh;
  one.of = this;
  {
    const std::lock_guard guard(lock_);
    one.worker = least_loaded();
    ++load_[one.worker];
    ++serving_;
    ++unreaped_;
    one.link_before(live_);
  }
  static_cast<void>(fresh.release());  // it is in the list now
  fiber<void> handle;
  try {
    handle = launch_for(one);
  } catch (...) {
    const std::lock_guard guard(lock_);
    one.link_before(ended_);
    throw;
  }
  const std::lock_guard guard(lock_);
  one.runs = std::move(handle);
  if (one.now == connection::phase::ended_early)
    one.link_before(ended_);
  else
    one.now = connection::phase::running;
}

// Accepted is accepted: when memory is short the connection waits for its fiber.
fiber<void> server::launch_for(connection& one) {
  // Without deadline: that of `serve` ends the connections by way of a cancellation, after the grace.
  const spawn_options with{.name = "connection", .worker = static_cast<int>(one.worker)};
  body work(one);
  for (;; back_off("starting a fiber for a connection: out of memory")) {
    try {
      fiber_core& core = launch({.inherits_deadline = false}, &with, std::move(work), where_);
      fiber<void> handle(core);
      detail::start(core);
      return handle;
    } catch (const std::bad_alloc&) {
    } catch (const std::system_error& e) {
      if (!is_exhaustion(e.code())) throw;
    }
  }
}

void server::run_connection(connection& which) noexcept {
  try {
    which.handle();
  } catch (const cancelled&) {
  } catch (...) {
    report(std::current_exception(), which.peer.to_address());
  }
  reap();  // others, so that they do not wait for the next to be accepted
}

void server::ended(connection& which) noexcept {
  wake_list woken;
  {
    const std::lock_guard guard(lock_);
    which.unlink();
    --load_[which.worker];
    --serving_;
    if (which.now == connection::phase::starting)
      which.now = connection::phase::ended_early;
    else
      which.link_before(ended_);
    news_.claim_all(outcome::woken, woken);
  }
  woken.unpark_all();
}

// May park, for the last steps of a fiber that has ended.
void server::reap() noexcept {
  for (;;) {
    std::unique_ptr<connection> one;
    {
      const std::lock_guard guard(lock_);
      if (ended_.next == &ended_) return;
      one.reset(static_cast<connection*>(ended_.next));
      one->unlink();
    }
    try {
      if (one->runs.joinable()) shield([&] { one->runs.join(); });
    } catch (const std::system_error& e) {
      // A fiber that was cancelled before it started, or for which there was no stack.
      if (e.code() != std::errc::operation_canceled) report(std::current_exception(), one->peer.to_address());
    } catch (...) {
      report(std::current_exception(), one->peer.to_address());
    }
    one.reset();
    const std::lock_guard guard(lock_);
    --unreaped_;
  }
}

void server::wait_until_reaped(bool may_cancel) {
  for (;;) {
    reap();
    bool done = false;
    wait_for(may_cancel, never, [&] {
      done = unreaped_ == 0;
      return done || ended_.next != &ended_;
    });
    if (done) return;
  }
}

void server::stop() noexcept {
  const deadline until = options_.grace;
  while (wait_for(false, until, [this] { return serving_ == 0 || ended_.next != &ended_; })) {
    reap();
    const std::lock_guard guard(lock_);
    if (serving_ == 0) break;
  }
  for (;;) {
    fiber_ref next;
    {
      const std::lock_guard guard(lock_);
      if (live_.next == &live_) break;
      auto& one = static_cast<connection&>(*live_.next);
      one.unlink();
      one.link_before(condemned_);
      next = one.runs.ref();
    }
    next.cancel();
  }
  wait_until_reaped(false);
}

void server::report(std::exception_ptr error, const net::address& peer) noexcept {
  try {
    if (options_.on_error) return options_.on_error(error, peer);
  } catch (const cancelled&) {
    return;
  } catch (...) {
    error = std::current_exception();
  }
  try {
    say("weft: connection of " + peer.to_string() + ": " + text_of(error) + "\n");
  } catch (...) {
    say("weft: a connection failed, and there is no memory to say why\n");
  }
}

}  // namespace weft::detail
