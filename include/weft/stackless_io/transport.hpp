// SPDX-License-Identifier: BSL-1.0
// transport and protocol: a connection that calls back. What asyncio's streams stand on, and so these.
//
// The way from open_connection() down: a stream_writer has a transport; that has a socket and two tasks, which read and
// write it with weft's async_ operations; those try the system call and, on EAGAIN, wait for the next edge of the worker's
// epoll. So it is the loop's own thread that reads and writes, and no other.
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <weft/net/address.hpp>
#include <weft/stackless/task.hpp>

namespace weft::net {
class tcp_stream;
}

namespace weft::stackless {

class transport;

// asyncio.Protocol. Called by the loop's worker: connection_made first, connection_lost last, and what comes in between.
// What an override throws closes the connection, and goes to the loop's exception handler.
class protocol {
 public:
  virtual ~protocol() = default;
  virtual void connection_made(transport&) {}
  virtual void data_received(std::span<const std::byte>) {}
  // The peer sends no more. True: the transport stays open for writing; else it closes itself.
  virtual bool eof_received() { return false; }
  // Null: it was closed here, or after the end of the stream.
  virtual void connection_lost(std::exception_ptr) {}
  // There is more to be written than the high-water mark says; and no more than the low one.
  virtual void pause_writing() {}
  virtual void resume_writing() {}
};

// asyncio's transport of a TCP connection. On the loop's worker only: from callbacks, tasks and the protocol.
class transport {
 public:
  // What a connection consists of; ends by itself when the connection is lost and nobody has the transport.
  class connection;
  explicit transport(std::shared_ptr<connection> of) noexcept : connection_(std::move(of)) {}

  // Buffers and returns at once; writes in the background, and what that fails with is what the connection is lost with,
  // some turns later. Nothing when it is closing: asyncio, too, drops it.
  void write(std::span<const std::byte> data);
  void write(std::string_view text);
  // Shuts the sending direction when all is written; fails like write(). Throws invalid_state from then on for write().
  void write_eof();
  // Reads no more, writes what is buffered, then connection_lost(nullptr).
  void close();
  // The same without writing.
  void abort();
  [[nodiscard]] bool is_closing() const noexcept;

  void pause_reading();
  void resume_reading();
  [[nodiscard]] bool is_reading() const noexcept;

  // Bytes. The usual: 64 KiB and a quarter of that. Throws invalid_argument unless high >= low. Only one given: the other
  // follows, as asyncio has it.
  void set_write_buffer_limits(std::optional<std::size_t> high = {}, std::optional<std::size_t> low = {});
  struct limits {
    std::size_t low, high;
  };
  [[nodiscard]] limits get_write_buffer_limits() const noexcept;
  [[nodiscard]] std::size_t get_write_buffer_size() const noexcept;

  // asyncio's get_extra_info: "peername" and "sockname".
  [[nodiscard]] const net::address& remote() const noexcept;
  [[nodiscard]] const net::address& local() const noexcept;

 private:
  std::shared_ptr<connection> connection_;
};

using protocol_factory = std::function<std::shared_ptr<protocol>()>;

// co_await: connects, and returns when connection_made was called. asyncio's loop.create_connection(). Throws loop_error
// outside a loop, `cancelled`, what `make` throws, and std::system_error: invalid_argument if it gave no protocol.
[[nodiscard]] task<std::pair<transport, std::shared_ptr<protocol>>> create_connection(protocol_factory make,
                                                                                      net::address to);

// A connection over a socket that is there; on the loop's worker. Throws std::system_error, and the stream stays the
// caller's: invalid_argument without a protocol, bad_file_descriptor when it is not open.
[[nodiscard]] transport adopt_connection(net::tcp_stream&& stream, std::shared_ptr<protocol> with);

}  // namespace weft::stackless
