// SPDX-License-Identifier: BSL-1.0
// The operations of tasks on sockets.
#include <weft/detail/net/async.hpp>

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>
#include <weft/base/error.hpp>
#include <weft/net/listening_socket.hpp>
#include <weft/net/stream_socket.hpp>

#include "net/advance.hpp"
#include "net/socket.hpp"
#include "net/stream_tries.hpp"
#include "stackless/tasks.hpp"

namespace weft::detail {
// What ended the last suspension, and whether the next try may be made.
io_operation::course io_operation::go_on() noexcept {
  const phase was = std::exchange(phase_, phase::yielded);
  if (was == phase::fresh && (result_.error || (result_.error = use_.error()))) return course::decided;
  if (was == phase::fresh || was == phase::yielded) {
    cancelled_ = take_cancellation(self());
    return cancelled_ ? course::decided : course::on;
  }
  const outcome why = wait_.end();
  if (was == phase::waiting && why != outcome::woken && why != outcome::closed)
    socket_wait::state_of(socket()).wait_end(direction(side()), wait_.node());  // [fd-5]
  switch (why) {
    case outcome::woken:
      woken_ = true;
      return course::on;
    case outcome::closed:
      result_.error = ECANCELED;
      break;
    case outcome::deadline:
      is_over_ = was == phase::waiting;
      return course::on;
    default:
      cancelled_ = true;
  }
  return course::decided;
}

io_operation::course io_operation::wait(std::uint64_t seen) noexcept {
  if (is_over_) {
    result_.error = deadline_passed;
    return course::decided;
  }
  woken_ = false;
  descriptor& d = socket_wait::state_of(socket());
  socket_wait::has_waited(socket());
  try {
    d.settle(*self().desk->at.poller, seen);  // [fd-2]
  } catch (const std::system_error& e) {
    result_.error = e.code().value();
    return course::decided;
  } catch (const std::bad_alloc&) {
    result_.error = ENOMEM;
    return course::decided;
  }
  if (!wait_.begin(self(), what_is_awaited(side()))) {
    cancelled_ = true;
    return course::decided;
  }
  const wait_duty duty = d.wait_begin(direction(side()), wait_.node(), seen);  // [fd-3]
  if (duty == wait_duty::park) {
    wait_.wake_at(until_);
    phase_ = phase::waiting;
    return course::suspended;
  }
  if (!wait_.forgo()) {
    phase_ = phase::forgone;
    return course::suspended;
  }
  if (duty == wait_duty::retry) return course::on;
  result_.error = ECANCELED;
  return course::decided;
}

// What nobody will wake us for is asked for again and again, ever more seldom.
io_operation::course io_operation::pause() noexcept {
  if (until_.passed()) {
    result_.error = deadline_passed;
    return course::decided;
  }
  if (!wait_.begin(self(), "a pause")) {
    cancelled_ = true;
    return course::decided;
  }
  constexpr unsigned longest = 6;
  wait_.wake_at(std::min(until_, deadline(std::chrono::milliseconds(1 << pauses_))));
  if (pauses_ < longest) ++pauses_;
  phase_ = phase::pausing;
  return course::suspended;
}

const io_result& io_operation::result() const {
  if (cancelled_) throw cancelled();
  if (note_) *note_ = result_.error ? to_error_code(result_.error) : std::error_code();
  return result_;
}

// --- reading and writing ---

stream_operation::stream_operation(step how, const net::stream_socket& stream, io_side side, deadline until,
                                   std::error_code* note) noexcept
    : io_operation(how, stream, side, socket_use::how::alone, until, note) {}

const net::stream_socket& stream_operation::stream() const noexcept {
  return static_cast<const net::stream_socket&>(socket());
}

bool readiness_operation::proceed(operation& self) noexcept {
  auto& me = static_cast<readiness_operation&>(self);
  return me.advance([&me](std::uint64_t) { return me.attempt(); });
}

// Who was woken asks again, as in `wait_until_ready`, unless it was by the poller of its own worker: that has heard nothing
// while the task ran.
int readiness_operation::attempt() noexcept {
  const bool is_told = was_woken() && socket_wait::state_of(socket()).is_heard_by(*self().desk->at.poller);
  return is_told || is_ready(socket_wait::fd(socket()), side()) ? 0 : EAGAIN;
}

void readiness_operation::await_resume() {
  const io_result& r = result();
  if (r.error && !note_) [[unlikely]]
    stream().fail(r.error, side() == io_side::read ? net::stream_socket::reading : net::stream_socket::writing);
}

bool read_operation::proceed(operation& self) noexcept {
  auto& me = static_cast<read_operation&>(self);
  return me.advance([&me](std::uint64_t seen) { return me.attempt(seen); }, !me.into_.empty());
}

int read_operation::attempt(std::uint64_t seen) noexcept {
  if (into_.empty()) return 0;
  const io_result r =
      read_once(socket_wait::state_of(socket()), socket_wait::fd(socket()), into_.subspan(result_.bytes), seen);
  if (r.error) return r.error;
  result_.bytes += r.bytes;
  if (how_much_ == extent::some || result_.bytes == into_.size()) return 0;
  return r.bytes ? try_again : stream_ended;
}

std::size_t read_operation::await_resume() {
  const io_result& r = result();
  if (r.error && !note_) [[unlikely]] {
    if (how_much_ == extent::whole) stream().fail_partly(r, net::stream_socket::reading);
    stream().fail(r.error, net::stream_socket::reading);
  }
  return r.bytes;
}

bool write_operation::proceed(operation& self) noexcept {
  auto& me = static_cast<write_operation&>(self);
  return me.advance([&me](std::uint64_t) { return me.attempt(); });
}

int write_operation::attempt() noexcept {
  if (from_.empty()) return 0;
  const io_result r = try_send(socket_wait::fd(socket()), from_.subspan(result_.bytes));
  if (r.error) return r.error;
  result_.bytes += r.bytes;
  return how_much_ == extent::some || result_.bytes == from_.size() ? 0 : try_again;
}

std::size_t write_operation::await_resume() {
  const io_result& r = result();
  if (r.error && !note_) [[unlikely]] {
    if (how_much_ == extent::whole) stream().fail_partly(r, net::stream_socket::writing);
    stream().fail(r.error, net::stream_socket::writing);
  }
  return r.bytes;
}

// --- accepting and connecting ---

accept_step::accept_step(net::listening_socket& listener, deadline until, std::error_code* note) noexcept
    : io_operation(&proceed, listener, io_side::read, socket_use::how::shared, until, note), listener_(listener) {}

bool accept_step::proceed(operation& self) noexcept {
  auto& me = static_cast<accept_step&>(self);
  return me.advance([&me](std::uint64_t) { return me.attempt(); });
}

int accept_step::attempt() noexcept {
  const auto one = listener_.accept_now();
  fd_ = one.fd;
  peer_ = one.peer;
  return one.error;
}

connect_step::connect_step(net::stream_socket& stream, const net::address& to, int refused, deadline until,
                           std::error_code* note) noexcept
    : io_operation(&proceed, (refused = refused ? refused : stream.open_for(to), stream), io_side::write,
                   socket_use::how::alone, until, note),
      stream_(stream),
      to_(to) {
  if (refused) fail_early(refused);
}

bool connect_step::proceed(operation& self) noexcept {
  auto& me = static_cast<connect_step&>(self);
  return me.advance([&me](std::uint64_t) { return me.attempt(); });
}

int connect_step::attempt() noexcept {
  const int error = stream_.connect_now(to_);
  if (error == EINPROGRESS) return EAGAIN;
  return error == EAGAIN ? pause_first : error;
}

void connect_step::finish() {
  const io_result& r = result();
  if (!r.error) return;
  if (!note_) stream_.fail_to_connect(r.error, to_);
  stream_.close();
}

}  // namespace weft::detail
