// SPDX-License-Identifier: BSL-1.0
// asyncio.Server.
#include <chrono>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>
#include <weft/base/error.hpp>
#include <weft/net/tcp_listener.hpp>
#include <weft/stackless/ensure_future.hpp>
#include <weft/stackless/event_loop.hpp>
#include <weft/stackless/sleep.hpp>
#include <weft/stackless_io/condition.hpp>
#include <weft/stackless_io/streams.hpp>

#include "stackless/loop_core.hpp"
#include "stackless_io/look_up.hpp"
#include "stackless_io/stream_state.hpp"

namespace weft::stackless {

class server::state : public std::enable_shared_from_this<server::state> {
 public:
  state(connected_callback connected, std::size_t limit)
      : loop_(get_running_loop()), connected_(std::move(connected)), limit_(limit) {}

  // Before `begin`.
  void listen(const net::address& at, const net::listen_options& with) {
    addresses_.push_back(entrances_.emplace_back(net::tcp_listener(at, with)).listener.local());
  }
  void begin() {
    for (entrance& each : entrances_) {
      auto accepting = accept_all(acceptance(shared_from_this()), each.listener);
      each.acceptor = detail::start_hidden(loop_.core(), accepting, {});
    }
  }
  void close() {
    if (std::exchange(closed_, true)) return;
    for (entrance& each : entrances_) {
      each.acceptor.cancel();
      each.listener.close();
    }
    forever_.cancel();
    tell_end();
  }
  [[nodiscard]] bool is_closed() const noexcept { return closed_; }
  [[nodiscard]] const std::vector<net::address>& addresses() const noexcept { return addresses_; }
  [[nodiscard]] const future<>& ended() const noexcept { return ended_; }
  [[nodiscard]] const future<>& forever() const noexcept { return forever_; }

 private:
  // Whoever accepts, also while it has not begun. The listener's descriptor goes when it has let go of that: until then
  // connections still come in.
  class acceptance {
   public:
    explicit acceptance(std::shared_ptr<state> of) noexcept : of_(std::move(of)) { ++of_->accepting_; }
    acceptance(acceptance&&) noexcept = default;
    acceptance& operator=(acceptance&&) = delete;
    ~acceptance() {
      if (!of_) return;
      --of_->accepting_;
      of_->tell_end();
    }
    state* operator->() const noexcept { return of_.get(); }

   private:
    std::shared_ptr<state> of_;
  };

  static task<> accept_all(acceptance self, net::tcp_listener& listener) {
    auto pause = std::chrono::milliseconds(1);
    while (!self->closed_) {
      std::error_code ec;
      auto stream = co_await listener.async_accept(ec);
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
    auto conversation = loop_.create_task(converse(shared_from_this(), reader, writer_to(over, between)));
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
    if (closed_ && accepting_ == 0 && live_ == 0) (void)detail::try_settle(ended_);
  }

  struct entrance {
    explicit entrance(net::tcp_listener&& open) noexcept : listener(std::move(open)) {}
    net::tcp_listener listener;
    task_ref acceptor;
  };

  event_loop& loop_;
  const connected_callback connected_;
  const std::size_t limit_;
  std::deque<entrance> entrances_;  // they stay where they are
  std::vector<net::address> addresses_;
  future<> ended_;
  future<> forever_;  // cancelled at the close, never set
  std::size_t live_ = 0;
  std::size_t accepting_ = 0;
  bool closed_ = false;
};

const net::address& server::local() const noexcept { return state_->addresses().front(); }
const std::vector<net::address>& server::addresses() const noexcept { return state_->addresses(); }
bool server::is_serving() const noexcept { return !state_->is_closed(); }
void server::close() { state_->close(); }

namespace {

task<> wait_for_end(future<> ended) { co_await shield(ended); }

}  // namespace

task<> server::wait_closed() { return wait_for_end(state_->ended()); }

task<> server::serve_forever() {
  server self = *this;
  try {
    co_await shield(self.state_->forever());
  } catch (const cancelled&) {
    self.close();
    throw;
  }
}

namespace {

// Whoever accepts, and every conversation, keeps the state: so the last copy of the server is told by another count.
server begun(std::shared_ptr<server::state> made) {
  struct copies {
    std::shared_ptr<server::state> of;
    explicit copies(std::shared_ptr<server::state> all) noexcept : of(std::move(all)) {}
    copies(const copies&) = delete;
    copies& operator=(const copies&) = delete;
    ~copies() { of->close(); }
  };
  const auto last = std::make_shared<copies>(made);
  made->begin();
  return server(std::shared_ptr<server::state>(last, made.get()));
}

std::shared_ptr<server::state> new_state(connected_callback&& connected, std::size_t limit) {
  static_cast<void>(stream_reader(limit));  // refuses 0 here, and not where nobody hears it: when one connects
  return std::make_shared<server::state>(std::move(connected), limit);
}

bool is_not_here(const std::error_code& why) {
  return why == std::errc::address_family_not_supported || why == std::errc::address_not_available;
}

}  // namespace

task<server> start_server(connected_callback connected, net::address at, std::size_t limit, net::listen_options with) {
  auto made = new_state(std::move(connected), limit);
  made->listen(at, with);
  co_return begun(std::move(made));
}

task<server> start_server(connected_callback connected, std::vector<net::address> at, std::size_t limit,
                          net::listen_options with) {
  if (at.empty()) detail::throw_error(std::errc::invalid_argument, "weft::stackless: start_server() at no address");
  auto made = new_state(std::move(connected), limit);
  if (at.size() > 1) with.v6_only = true;  // each for itself
  std::exception_ptr missing;
  for (const net::address& each : at) {
    try {
      made->listen(each, with);
    } catch (const std::system_error& e) {
      if (!is_not_here(e.code())) throw;
      missing = std::current_exception();
    }
  }
  if (made->addresses().empty()) std::rethrow_exception(missing);
  co_return begun(std::move(made));
}

task<server> start_server(connected_callback connected, std::string host, std::uint16_t port, std::size_t limit,
                          net::listen_options with) {
  (void)get_running_loop();
  auto at = co_await look_up(std::move(host), port);
  co_return co_await start_server(std::move(connected), std::move(at), limit, with);
}

}  // namespace weft::stackless
