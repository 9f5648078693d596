// SPDX-License-Identifier: BSL-1.0
// asyncio.Server.
#include <chrono>
#include <memory>
#include <system_error>
#include <utility>
#include <weft/net/tcp_listener.hpp>
#include <weft/stackless/ensure_future.hpp>
#include <weft/stackless/event_loop.hpp>
#include <weft/stackless/sleep.hpp>
#include <weft/stackless_io/condition.hpp>
#include <weft/stackless_io/streams.hpp>

#include "stackless/loop_core.hpp"
#include "stackless_io/stream_state.hpp"

namespace weft::stackless {

class server::state : public std::enable_shared_from_this<server::state> {
 public:
  state(connected_callback connected, const net::address& at, std::size_t limit, const net::listen_options& with)
      : loop_(get_running_loop()), connected_(std::move(connected)), limit_(limit), listener_(at, with) {
    local_ = listener_.local();
  }

  void begin() {
    auto accepting = accept_all(acceptance(shared_from_this()));
    acceptor_ = detail::start_hidden(loop_.core(), accepting, {});
  }
  void close() {
    if (std::exchange(closed_, true)) return;
    acceptor_.cancel();
    listener_.close();
    tell_end();
  }
  [[nodiscard]] bool is_closed() const noexcept { return closed_; }
  [[nodiscard]] const net::address& local() const noexcept { return local_; }
  [[nodiscard]] const future<>& ended() const noexcept { return ended_; }

 private:
  // Whoever accepts, also while it has not begun. The listener's descriptor goes when it has let go of that: until then
  // connections still come in.
  class acceptance {
   public:
    explicit acceptance(std::shared_ptr<state> of) noexcept : of_(std::move(of)) { of_->accepting_ = true; }
    acceptance(acceptance&&) noexcept = default;
    acceptance& operator=(acceptance&&) = delete;
    ~acceptance() {
      if (!of_) return;
      of_->accepting_ = false;
      of_->tell_end();
    }
    state* operator->() const noexcept { return of_.get(); }

   private:
    std::shared_ptr<state> of_;
  };

  static task<> accept_all(acceptance self) {
    auto pause = std::chrono::milliseconds(1);
    while (!self->closed_) {
      std::error_code ec;
      auto stream = co_await self->listener_.async_accept(ec);
      if (self->closed_) break;
      if (!stream.is_open()) {  // most often: no descriptors left
        co_await sleep(pause);
        pause = std::min(pause * 2, std::chrono::milliseconds(1000));
        continue;
      }
      pause = std::chrono::milliseconds(1);
      self->serve(std::move(stream));
    }
  }

  void serve(net::tcp_stream&& stream) {
    stream_reader reader(limit_);
    auto between = std::make_shared<stream_writer::channel>(reader);
    transport over = adopt_connection(std::move(stream), between);
    ++live_;
    between->closed.add_callback_in_any_case([self = shared_from_this()] {
      --self->live_;
      self->tell_end();
    });
    auto conversation = loop_.create_task(converse(shared_from_this(), reader, stream_writer(over, between)));
    conversation.add_callback_in_any_case([self = shared_from_this(), over](const any_future& done) mutable {
      if (done.cancelled()) return over.close();
      if (const auto error = done.exception()) {
        self->loop_.call_exception_handler({"Unhandled exception in the callback of start_server()", error, {}});
        over.close();
      }
    });
  }
  static task<> converse(std::shared_ptr<state> self, stream_reader reader, stream_writer writer) {
    co_await self->connected_(std::move(reader), std::move(writer));
  }
  void tell_end() {
    if (closed_ && !accepting_ && live_ == 0) (void)detail::try_settle(ended_);
  }

  event_loop& loop_;
  const connected_callback connected_;
  const std::size_t limit_;
  net::tcp_listener listener_;
  net::address local_;
  task_ref acceptor_;
  future<> ended_;
  std::size_t live_ = 0;
  bool closed_ = false;
  bool accepting_ = false;
};

const net::address& server::local() const noexcept { return state_->local(); }
bool server::is_serving() const noexcept { return !state_->is_closed(); }
void server::close() { state_->close(); }

namespace {

task<> wait_for_end(future<> ended) { co_await shield(ended); }

}  // namespace

task<> server::wait_closed() { return wait_for_end(state_->ended()); }

task<> server::serve_forever() {
  server self = *this;
  try {
    co_await shield(future<>());
  } catch (const cancelled&) {
    self.close();
    throw;
  }
}

task<server> start_server(connected_callback connected, net::address at, std::size_t limit, net::listen_options with) {
  // Whoever accepts, and every conversation, keeps the state: so the last copy of the server is told by another count.
  struct copies {
    std::shared_ptr<server::state> of;
    explicit copies(std::shared_ptr<server::state> all) noexcept : of(std::move(all)) {}
    copies(const copies&) = delete;
    copies& operator=(const copies&) = delete;
    ~copies() { of->close(); }
  };
  static_cast<void>(stream_reader(limit));  // refuses 0 here, and not where nobody hears it: when one connects
  auto made = std::make_shared<server::state>(std::move(connected), at, limit, with);
  const auto last = std::make_shared<copies>(made);
  made->begin();
  co_return server(std::shared_ptr<server::state>(last, made.get()));
}

}  // namespace weft::stackless
