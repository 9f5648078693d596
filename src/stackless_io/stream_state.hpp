// SPDX-License-Identifier: BSL-1.0
// The protocol that feeds a reader and holds back a writer: asyncio's StreamReaderProtocol.
#pragma once

#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <weft/stackless_io/streams.hpp>

namespace weft::stackless {

class stream_reader::state {
 public:
  explicit state(std::size_t limit);

  void feed(std::string_view data);
  void feed_eof();
  void fail(std::exception_ptr error);
  // There is no connection any more whose reading might go on, or no loop; what is buffered stays.
  void detach() noexcept {
    from.reset();
    paused = false;
  }
  // co_await: until something was fed. Throws what the stream fails with meanwhile.
  [[nodiscard]] task<> wait_for_data();
  void consume(std::size_t count);
  void require_no_error() const {
    if (error) std::rethrow_exception(error);
  }
  [[nodiscard]] std::string_view rest() const noexcept { return std::string_view(buffer).substr(begin); }
  [[nodiscard]] std::string take(std::size_t count);

  const std::size_t limit;
  std::string buffer;
  std::size_t begin = 0;  // what lies before it has been read
  bool eof = false;
  std::exception_ptr error;
  std::optional<transport> from;  // whose reading is paused
  bool paused = false;

 private:
  void wake();
  std::optional<future<>> waiter_;
  bool tells_error_ = false;  // the latest one who waited, and nothing came before
};

class stream_writer::channel : public protocol {
 public:
  explicit channel(const stream_reader& feeds) : reader(feeds), closed() {}

  void connection_made(transport& made) override;
  void data_received(std::span<const std::byte> data) override;
  bool eof_received() override;
  void connection_lost(std::exception_ptr error) override;
  void pause_writing() override { paused = true; }
  void resume_writing() override;

  stream_reader reader;
  future<> closed;
  bool paused = false, lost = false;
  std::deque<future<>> drainers;
};

// The writer of a connection, which is closed when the last copy goes, on any thread. Throws bad_alloc.
[[nodiscard]] stream_writer writer_to(transport over, std::shared_ptr<stream_writer::channel> of);

}  // namespace weft::stackless
