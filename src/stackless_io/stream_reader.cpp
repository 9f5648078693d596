// SPDX-License-Identifier: BSL-1.0
#include <algorithm>
#include <weft/base/error.hpp>
#include <weft/net/error.hpp>
#include <weft/stackless_io/condition.hpp>

#include "stackless_io/stream_state.hpp"

namespace weft::stackless {

incomplete_read::incomplete_read(std::string partial, std::size_t expected)
    : std::system_error(make_error_code(net::stream_errc::end_of_stream),
                        "weft::stackless: " + std::to_string(partial.size()) + " bytes read of " +
                            (expected ? std::to_string(expected) : "some up to a separator")),
      partial_(std::move(partial)),
      expected_(expected) {}

limit_overrun::limit_overrun(const char* what, std::size_t consumed)
    : std::system_error(std::make_error_code(std::errc::message_size), what), consumed_(consumed) {}

stream_reader::state::state(std::size_t most) : limit(most) {
  if (most == 0) detail::throw_error(std::errc::invalid_argument, "weft::stackless: a reader needs a limit above 0");
}

void stream_reader::state::wake() {
  if (const auto waiter = std::exchange(waiter_, std::nullopt)) (void)detail::try_settle(*waiter);
}

void stream_reader::state::feed(std::string_view data) {
  if (data.empty()) return;
  buffer.append(data);
  wake();
  if (from && !paused && rest().size() > 2 * limit) {
    paused = true;
    from->pause_reading();
  }
}

void stream_reader::state::feed_eof() {
  eof = true;
  wake();
}

void stream_reader::state::fail(std::exception_ptr what) {
  error = std::move(what);
  if (waiter_) tells_error_ = true;
  wake();
}

task<> stream_reader::state::wait_for_data() {
  if (waiter_)
    detail::throw_error(std::errc::resource_deadlock_would_occur,
                        "weft::stackless: another task is waiting for this stream_reader already");
  if (paused) {
    paused = false;
    from->resume_reading();
  }
  const future<> told;
  waiter_ = told;
  tells_error_ = false;
  try {
    co_await told;
  } catch (const cancelled&) {
    if (waiter_ == told) waiter_.reset();  // else we were told, and another one waits now
    throw;
  }
  if (tells_error_) require_no_error();
}

void stream_reader::state::consume(std::size_t count) {
  begin += count;
  if (begin == buffer.size() || begin > buffer.size() / 2) {
    buffer.erase(0, begin);
    begin = 0;
  }
  if (paused && rest().size() <= limit) {
    paused = false;
    from->resume_reading();
  }
}

std::string stream_reader::state::take(std::size_t count) {
  std::string part(rest().substr(0, count));
  consume(part.size());
  return part;
}

stream_reader::stream_reader(std::size_t limit) : state_(std::make_shared<state>(limit)) {}

bool stream_reader::at_eof() const noexcept { return state_->eof && state_->rest().empty(); }
void stream_reader::feed_data(std::string_view data) { state_->feed(data); }
void stream_reader::feed_eof() { state_->feed_eof(); }
void stream_reader::set_exception(std::exception_ptr error) { state_->fail(std::move(error)); }

// Each is a coroutine over the state, which it keeps: the reader may be a temporary.
namespace {

using kept_state = std::shared_ptr<stream_reader::state>;

task<std::string> read_some(kept_state in, std::size_t count) {
  in->require_no_error();
  if (count == 0) co_return "";
  while (in->rest().empty() && !in->eof) {
    co_await in->wait_for_data();
    if (in->rest().empty()) in->require_no_error();
  }
  co_return in->take(count);
}

task<std::string> read_all(kept_state in) {
  in->require_no_error();
  while (!in->eof) {
    co_await in->wait_for_data();
    in->require_no_error();
  }
  co_return in->take(std::string::npos);
}

task<std::string> read_exactly(kept_state in, std::size_t count) {
  in->require_no_error();
  while (in->rest().size() < count) {
    if (in->eof) throw incomplete_read(in->take(std::string::npos), count);
    in->require_no_error();
    co_await in->wait_for_data();
  }
  co_return in->take(count);
}

task<std::string> read_until(kept_state in, std::string separator) {
  if (separator.empty())
    detail::throw_error(std::errc::invalid_argument, "weft::stackless: readuntil() needs a separator");
  in->require_no_error();
  std::size_t searched = 0;  // no separator begins before it
  for (;;) {
    const std::string_view there = in->rest();
    const std::size_t at = there.find(separator, searched);
    if (at != std::string_view::npos) {
      if (at > in->limit) throw limit_overrun("weft::stackless: the separator is behind the limit", at);
      co_return in->take(at + separator.size());
    }
    if (there.size() + 1 > separator.size()) searched = there.size() + 1 - separator.size();
    if (searched > in->limit) throw limit_overrun("weft::stackless: there is no separator within the limit", searched);
    if (in->eof) throw incomplete_read(in->take(std::string::npos), 0);
    in->require_no_error();
    co_await in->wait_for_data();
  }
}

task<std::string> read_line(kept_state in) {
  std::size_t gone = 0;
  try {
    co_return co_await read_until(in, "\n");
  } catch (const incomplete_read& e) {
    co_return e.partial();
  } catch (const limit_overrun& e) {
    gone = e.consumed();
  }
  in->consume(in->rest().substr(gone).starts_with("\n") ? gone + 1 : in->rest().size());
  detail::throw_error(std::errc::message_size, "weft::stackless: a line is longer than the limit");
}

}  // namespace

task<std::string> stream_reader::read(std::size_t count) { return read_some(state_, count); }
task<std::string> stream_reader::read() { return read_all(state_); }
task<std::string> stream_reader::readline() { return read_line(state_); }
task<std::string> stream_reader::readexactly(std::size_t count) { return read_exactly(state_, count); }
task<std::string> stream_reader::readuntil(std::string separator) { return read_until(state_, std::move(separator)); }

}  // namespace weft::stackless
