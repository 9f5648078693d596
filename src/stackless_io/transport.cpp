// SPDX-License-Identifier: BSL-1.0
#include <weft/stackless_io/transport.hpp>

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>
#include <vector>
#include <weft/base/error.hpp>
#include <weft/net/tcp_stream.hpp>
#include <weft/stackless/error.hpp>
#include <weft/stackless/event_loop.hpp>
#include <weft/stackless/sleep.hpp>
#include <weft/stackless_io/condition.hpp>

#include "stackless/loop_core.hpp"

namespace weft::stackless {

// Everything here happens on the loop's worker, one thing at a time.
class transport::connection : public std::enable_shared_from_this<connection> {
 public:
  connection(net::tcp_stream&& stream, std::shared_ptr<protocol> with)
      : loop_(get_running_loop()),
        stream_(std::move(stream)),
        protocol_(std::move(with)),
        remote_(stream_.remote()),
        local_(stream_.local()) {}
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;
  ~connection() { reader_.cancel(); }

  void begin() {
    transport face(shared_from_this());
    call([&] { protocol_->connection_made(face); });
    if (!closing_) reader_ = detail::start_hidden(loop_.core(), *kept(read_all(reading(shared_from_this()))), {});
  }

  void write(std::span<const std::byte> data) {
    if (eof_asked_) detail::throw_invalid_state("weft::stackless: transport::write() after write_eof()");
    if (closing_ || data.empty()) return;
    buffer_.insert(buffer_.end(), data.begin(), data.end());
    start_writing();
    if (size() > high_ && !std::exchange(paused_writing_, true)) call([&] { protocol_->pause_writing(); });
  }
  void write_eof() {
    if (closing_ || std::exchange(eof_asked_, true)) return;
    start_writing();
  }
  void close() {
    if (std::exchange(closing_, true)) return;
    reader_.cancel();
    if (!writing_) lose(nullptr);
  }
  void abort(std::exception_ptr why = nullptr) {
    closing_ = true;
    buffer_.clear();
    reader_.cancel();
    writer_.cancel();
    lose(std::move(why));
  }

  void pause_reading() noexcept { reading_ = false; }
  void resume_reading() {
    if (std::exchange(reading_, true) || closing_) return;
    (void)detail::try_settle(reading_again_);
    reading_again_ = future<>(loop_);
  }
  void set_limits(std::optional<std::size_t> high, std::optional<std::size_t> low) {
    const std::size_t h = high ? *high : low ? 4 * *low : usual_high;
    const std::size_t l = low ? *low : h / 4;
    if (h < l)
      detail::throw_error(std::errc::invalid_argument, "weft::stackless: the high-water mark is below the low one");
    high_ = h;
    low_ = l;
    if (!lost_ && size() > high_ && !std::exchange(paused_writing_, true)) call([&] { protocol_->pause_writing(); });
  }

  [[nodiscard]] std::size_t size() const noexcept { return lost_ ? 0 : buffer_.size() + (sending_.size() - sent_); }
  [[nodiscard]] bool is_closing() const noexcept { return closing_; }
  [[nodiscard]] bool is_reading() const noexcept { return reading_ && !closing_; }
  [[nodiscard]] limits water_marks() const noexcept { return {low_, high_}; }
  [[nodiscard]] const net::address& remote() const noexcept { return remote_; }
  [[nodiscard]] const net::address& local() const noexcept { return local_; }

 private:
  static constexpr std::size_t usual_high = std::size_t{64} << 10;
  static constexpr std::size_t read_size = std::size_t{16} << 10;

  // A task has to have a name to be started.
  static std::unique_ptr<task<>> kept(task<> t) { return std::make_unique<task<>>(std::move(t)); }

  template <class F> void call(F&& f) {
    try {
      std::forward<F>(f)();
    } catch (...) {
      loop_.call_exception_handler({"Exception in a protocol", std::current_exception(), {}});
      abort(std::current_exception());
    }
  }

  task<> until_reading() {
    while (!reading_ && !closing_) {
      const auto again = reading_again_;
      co_await again;
    }
  }

  // Whoever reads, also while it has not begun. Where the loop ends first, nobody else would end the connection.
  class reading {
   public:
    explicit reading(std::shared_ptr<connection> of) noexcept : of_(std::move(of)), ends_(of_) {}
    reading(reading&&) noexcept = default;
    reading& operator=(reading&&) = delete;
    ~reading() {
      if (const auto of = ends_.lock()) of->has_read();
    }
    connection* operator->() const noexcept { return of_.get(); }
    // It goes when nobody else has it.
    void let_go() noexcept { of_.reset(); }

   private:
    std::shared_ptr<connection> of_;
    std::weak_ptr<connection> ends_;
  };

  static task<> read_all(reading self) {
    std::vector<std::byte> room(read_size);
    while (!self->closing_) {
      if (!self->reading_) co_await self->until_reading();
      std::error_code ec;
      const std::size_t got = co_await self->stream_.async_read_some(room, ec);
      if (!self->reading_) co_await self->until_reading();  // what came meanwhile is not passed on yet
      if (self->closing_) break;
      if (ec) {
        self->abort(std::make_exception_ptr(std::system_error(ec, "weft::stackless: read from the connection")));
      } else if (got > 0) {
        self->call([&] { self->protocol_->data_received(std::span(room).first(got)); });
      } else {
        bool stays = false;
        self->call([&] { stays = self->protocol_->eof_received(); });
        if (!stays) self->close();
        break;
      }
    }
    if (self->closing_) co_return;
    std::vector<std::byte>().swap(room);
    self.let_go();
    co_await sleep(never);  // until it is closed, or the loop ends
  }

  void has_read() noexcept {
    if (closing_) return;
    try {
      abort();
    } catch (...) {  // the loop is closed
    }
  }

  // Whoever writes, also while it has not begun: a runtime that ends does not let it begin any more.
  class writing {
   public:
    explicit writing(std::shared_ptr<connection> of) noexcept : of_(std::move(of)) {}
    writing(writing&&) noexcept = default;
    writing& operator=(writing&&) = delete;
    ~writing() {
      if (of_) of_->has_written();
    }
    connection* operator->() const noexcept { return of_.get(); }

   private:
    std::shared_ptr<connection> of_;
  };

  void start_writing() {
    if (!std::exchange(writing_, true))
      writer_ = detail::start_hidden(loop_.core(), *kept(write_all(writing(shared_from_this()))), {});
  }
  static task<> write_all(writing self) {
    while (!self->buffer_.empty()) {
      self->sending_.clear();
      self->sent_ = 0;
      std::swap(self->sending_, self->buffer_);
      while (self->sent_ < self->sending_.size()) {
        std::error_code ec;
        self->sent_ += co_await self->stream_.async_write_some(std::span(self->sending_).subspan(self->sent_), ec);
        if (ec) {
          self->abort(std::make_exception_ptr(std::system_error(ec, "weft::stackless: write to the connection")));
          co_return;
        }
        if (self->lost_) co_return;  // it was writable, and aborted before it knew
        if (self->paused_writing_ && self->size() <= self->low_) {
          self->paused_writing_ = false;
          self->call([&] { self->protocol_->resume_writing(); });
        }
      }
    }
  }
  void has_written() noexcept {
    writing_ = false;
    if (lost_) return;
    try {
      if (size() > 0) return abort();  // it was cancelled, with the runtime
      if (closing_) return lose(nullptr);
      std::error_code ec;
      if (eof_asked_) stream_.shutdown_write(ec);
      if (ec) abort(std::make_exception_ptr(std::system_error(ec, "weft::stackless: end what is written")));
    } catch (...) {  // the loop is closed
    }
  }

  // Called once, from the loop and never from where it was closed, as asyncio does.
  void lose(std::exception_ptr why) {
    if (std::exchange(lost_, true)) return;
    auto tell = [self = shared_from_this(), why = std::move(why)] {
      try {
        self->protocol_->connection_lost(why);
      } catch (...) {
        self->loop_.call_exception_handler({"Exception in a protocol", std::current_exception(), {}});
      }
      self->stream_.close();
      self->protocol_ = nullptr;
    };
    const auto told = detail::make_callback(std::move(tell), {});
    told->in_any_case = true;  // a task that is unwound may wait for the connection to be closed
    detail::schedule(loop_.core(), *told);
  }

  event_loop& loop_;
  net::tcp_stream stream_;
  std::shared_ptr<protocol> protocol_;
  const net::address remote_, local_;
  task_ref reader_, writer_;
  future<> reading_again_;
  std::vector<std::byte> buffer_;   // still to be sent
  std::vector<std::byte> sending_;  // being sent; up to `sent_` it is
  std::size_t sent_ = 0;
  std::size_t high_ = usual_high, low_ = usual_high / 4;
  bool reading_ = true, writing_ = false, paused_writing_ = false;
  bool eof_asked_ = false, closing_ = false, lost_ = false;
};

void transport::write(std::span<const std::byte> data) { connection_->write(data); }
void transport::write(std::string_view text) { connection_->write(std::as_bytes(std::span(text))); }
void transport::write_eof() { connection_->write_eof(); }
void transport::close() { connection_->close(); }
void transport::abort() { connection_->abort(); }
bool transport::is_closing() const noexcept { return connection_->is_closing(); }
void transport::pause_reading() { connection_->pause_reading(); }
void transport::resume_reading() { connection_->resume_reading(); }
bool transport::is_reading() const noexcept { return connection_->is_reading(); }
void transport::set_write_buffer_limits(std::optional<std::size_t> high, std::optional<std::size_t> low) {
  connection_->set_limits(high, low);
}
transport::limits transport::get_write_buffer_limits() const noexcept { return connection_->water_marks(); }
std::size_t transport::get_write_buffer_size() const noexcept { return connection_->size(); }
const net::address& transport::remote() const noexcept { return connection_->remote(); }
const net::address& transport::local() const noexcept { return connection_->local(); }

transport adopt_connection(net::tcp_stream&& stream, std::shared_ptr<protocol> with) {
  if (!with)
    detail::throw_error(std::errc::invalid_argument, "weft::stackless: a connection needs a protocol (a null pointer)");
  auto made = std::make_shared<transport::connection>(std::move(stream), std::move(with));
  made->begin();
  return transport(std::move(made));
}

task<std::pair<transport, std::shared_ptr<protocol>>> create_connection(protocol_factory make, net::address to) {
  (void)get_running_loop();
  auto stream = co_await net::tcp_stream::async_connect(to);
  auto with = make();
  auto made = adopt_connection(std::move(stream), with);
  co_return std::pair(std::move(made), std::move(with));
}

}  // namespace weft::stackless
