// SPDX-License-Identifier: BSL-1.0
#include <string>
#include <utility>
#include <vector>
#include <weft/base/error.hpp>
#include <weft/net/resolve.hpp>
#include <weft/net/tcp_stream.hpp>
#include <weft/stackless/ensure_future.hpp>
#include <weft/stackless/event_loop.hpp>
#include <weft/stackless/sleep.hpp>
#include <weft/stackless_io/condition.hpp>
#include <weft/sync/async_blocking.hpp>

#include "stackless/loop_core.hpp"
#include "stackless_io/look_up.hpp"
#include "stackless_io/stream_state.hpp"

namespace weft::stackless {

void stream_writer::channel::connection_made(transport& made) { reader.of().from = made; }

void stream_writer::channel::data_received(std::span<const std::byte> data) {
  reader.of().feed({reinterpret_cast<const char*>(data.data()), data.size()});
}

bool stream_writer::channel::eof_received() {
  reader.of().feed_eof();
  return true;  // it may still be written to
}

void stream_writer::channel::connection_lost(std::exception_ptr error) {
  lost = true;
  reader.of().detach();
  if (error)
    reader.of().fail(error);
  else
    reader.of().feed_eof();
  if (!closed.done()) {
    if (error) {
      closed.set_exception(error);
      closed.core().forget_exception();  // it is told to the reader, too
    } else {
      closed.set_result();
    }
  }
  for (const future<>& each : std::exchange(drainers, {})) (void)detail::try_settle(each);
}

void stream_writer::channel::resume_writing() {
  paused = false;
  for (const future<>& each : std::exchange(drainers, {})) (void)detail::try_settle(each);
}

namespace {

// What the copies of a writer share; the protocol itself has the connection, too.
class writer_copies {
 public:
  writer_copies(transport over, std::shared_ptr<stream_writer::channel> of)
      : of_(std::move(of)), closes_(detail::make_callback([t = std::move(over)]() mutable { t.close(); }, {})) {
    closes_->in_any_case = true;
  }
  writer_copies(const writer_copies&) = delete;
  writer_copies& operator=(const writer_copies&) = delete;
  ~writer_copies() {
    if (!of_->closed.core().loop().schedule(*closes_)) of_->reader.of().detach();
  }

 private:
  const std::shared_ptr<stream_writer::channel> of_;
  const detail::counted_pointer<detail::callback> closes_;  // made here, since whoever drops a writer cannot fail
};

task<> drain_it(transport over, std::shared_ptr<stream_writer::channel> in) {
  in->reader.of().require_no_error();
  if (over.is_closing()) co_await yield();  // so that a loop of write() and drain() sees the loss
  while (in->paused && !in->lost) {
    const future<> told;
    in->drainers.push_back(told);
    try {
      co_await told;
    } catch (const cancelled&) {
      std::erase(in->drainers, told);
      throw;
    }
  }
  in->reader.of().require_no_error();
  if (in->lost) detail::throw_error(std::errc::connection_reset, "weft::stackless: the connection is lost");
}

task<> wait_until_closed(future<> closed) { co_await shield(closed); }

}  // namespace

stream_writer writer_to(transport over, std::shared_ptr<stream_writer::channel> of) {
  stream_writer::channel* const channel = of.get();
  auto copies = std::make_shared<writer_copies>(over, std::move(of));
  return {std::move(over), {std::move(copies), channel}};
}

task<> stream_writer::drain() { return drain_it(transport_, channel_); }
task<> stream_writer::wait_closed() { return wait_until_closed(channel_->closed); }

task<reader_and_writer> open_connection(net::address to, std::size_t limit) {
  (void)get_running_loop();
  stream_reader reader(limit);
  auto stream = co_await net::tcp_stream::async_connect(to);
  auto between = std::make_shared<stream_writer::channel>(reader);
  transport over = adopt_connection(std::move(stream), between);
  co_return reader_and_writer(std::move(reader), writer_to(std::move(over), std::move(between)));
}

task<std::vector<net::address>> look_up(std::string host, std::uint16_t port) {
  auto ask = [host = std::move(host), port] { return net::resolve(host, std::to_string(port)); };
  co_return co_await async_blocking_abandonable(std::move(ask));
}

task<reader_and_writer> open_connection(std::string host, std::uint16_t port, std::size_t limit) {
  (void)get_running_loop();
  const std::vector<net::address> found = co_await look_up(std::move(host), port);
  for (std::size_t i = 0;; ++i) {
    try {
      co_return co_await open_connection(found[i], limit);
    } catch (const cancelled&) {
      throw;
    } catch (const std::system_error&) {
      if (i + 1 == found.size()) throw;
    }
  }
}

}  // namespace weft::stackless
