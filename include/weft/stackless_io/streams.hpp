// SPDX-License-Identifier: BSL-1.0
// stream_reader, stream_writer, open_connection() and start_server(): asyncio's streams.
//
//   auto [reader, writer] = co_await open_connection(net::address::parse("127.0.0.1:7"));
//   writer.write("hello\n");
//   co_await writer.drain();
//   const std::string line = co_await reader.readline();
//   writer.close();
//   co_await writer.wait_closed();
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>
#include <weft/net/address.hpp>
#include <weft/net/listening_socket.hpp>
#include <weft/stackless/future.hpp>
#include <weft/stackless/task.hpp>
#include <weft/stackless_io/transport.hpp>

namespace weft::stackless {

// asyncio's IncompleteReadError: the stream has ended too soon. The code is that of weft's end_of_stream.
class incomplete_read : public std::system_error {
 public:
  // `expected` 0: up to a separator.
  incomplete_read(std::string partial, std::size_t expected);
  [[nodiscard]] const std::string& partial() const noexcept { return partial_; }
  [[nodiscard]] std::size_t expected() const noexcept { return expected_; }

 private:
  std::string partial_;
  std::size_t expected_;
};

// asyncio's LimitOverrunError: there is no separator among the first bytes, or only behind the limit; they stay in the
// reader. The code is message_size.
class limit_overrun : public std::system_error {
 public:
  limit_overrun(const char* what, std::size_t consumed);
  // How many there are that surely have no separator, or up to it.
  [[nodiscard]] std::size_t consumed() const noexcept { return consumed_; }

 private:
  std::size_t consumed_;
};

inline constexpr std::size_t default_limit = std::size_t{64} << 10;

// What comes from a connection, or what is fed by hand. One task at a time may wait for it: resource_deadlock_would_occur
// for a second one. On the loop's worker only. Copies are the same reader.
class stream_reader {
 public:
  // Fed by hand. `limit`: of a line or what readuntil() looks for; twice that is buffered before the connection is not
  // read any more. Throws invalid_argument for 0.
  explicit stream_reader(std::size_t limit = default_limit);

  // co_await: all functions throw what set_exception() said, once what is buffered has been looked at as asyncio does; and
  // `cancelled`, and then have read nothing.

  // At most `count` bytes, at least one; "" at the end of the stream, and for 0.
  [[nodiscard]] task<std::string> read(std::size_t count);
  // All up to the end of the stream.
  [[nodiscard]] task<std::string> read();
  // Up to and with '\n'; what there is at the end of the stream. Throws std::system_error (message_size) when there is no
  // '\n' within the limit; those bytes are gone then.
  [[nodiscard]] task<std::string> readline();
  // Exactly so many. Throws incomplete_read.
  [[nodiscard]] task<std::string> readexactly(std::size_t count);
  // Up to and with the separator. Throws incomplete_read, limit_overrun, and invalid_argument for "".
  [[nodiscard]] task<std::string> readuntil(std::string separator = "\n");
  // Whether all has been read, and the stream has ended.
  [[nodiscard]] bool at_eof() const noexcept;

  // asyncio's feed_data, feed_eof, set_exception.
  void feed_data(std::string_view data);
  void feed_eof();
  void set_exception(std::exception_ptr error);

  class state;
  [[nodiscard]] state& of() const noexcept { return *state_; }

 private:
  std::shared_ptr<state> state_;
};

// What goes to a connection. On the loop's worker only. Copies are the same writer; the last one that goes, also on another
// thread, closes the connection as close() does.
class stream_writer {
 public:
  class channel;
  stream_writer(transport over, std::shared_ptr<channel> of) noexcept
      : transport_(std::move(over)), channel_(std::move(of)) {}

  // Buffers and returns at once. Without a drain() now and then the buffer has no limit.
  void write(std::string_view text) { transport_.write(text); }
  void write(std::span<const std::byte> data) { transport_.write(data); }
  void writelines(std::span<const std::string> lines) {
    for (const auto& line : lines) write(line);
  }
  // co_await: waits while more is buffered than the high-water mark, until it is down to the low one. Throws what the
  // connection was lost with, std::system_error (connection_reset) when it is lost, and `cancelled`.
  [[nodiscard]] task<> drain();
  // No more will be written: the peer sees the end of the stream.
  void write_eof() { transport_.write_eof(); }
  // Writes what is buffered, then closes.
  void close() { transport_.close(); }
  [[nodiscard]] bool is_closing() const noexcept { return transport_.is_closing(); }
  // co_await: until it is closed. Throws what the connection was lost with.
  [[nodiscard]] task<> wait_closed();
  // Beneath: water marks, addresses, abort().
  [[nodiscard]] transport& get_transport() noexcept { return transport_; }

 private:
  transport transport_;
  std::shared_ptr<channel> channel_;
};

using reader_and_writer = std::pair<stream_reader, stream_writer>;

// co_await: a connection. Throws loop_error outside a loop, std::system_error, `cancelled`.
[[nodiscard]] task<reader_and_writer> open_connection(net::address to, std::size_t limit = default_limit);

// The same by the name of a host, which is looked up on the blocking pool; its addresses are tried in turn. Throws also
// net::resolve_errc and, if none answers, what the last attempt failed with.
[[nodiscard]] task<reader_and_writer> open_connection(std::string host, std::uint16_t port,
                                                      std::size_t limit = default_limit);

// asyncio.Server. Stops listening when the last copy goes, other than there: whoever drops what start_server() returns
// stops it.
class [[nodiscard]] server {
 public:
  class state;
  explicit server(std::shared_ptr<state> of) noexcept : state_(std::move(of)) {}

  // With the port that was given. The first; all of them.
  [[nodiscard]] const net::address& local() const noexcept;
  [[nodiscard]] const std::vector<net::address>& addresses() const noexcept;
  [[nodiscard]] bool is_serving() const noexcept;
  // Stops listening. Connections that are there stay.
  void close();
  // co_await: until it is closed and all its connections are.
  [[nodiscard]] task<> wait_closed();
  // co_await: until the caller is cancelled; closes then. Throws operation_canceled when it is closed otherwise.
  [[nodiscard]] task<> serve_forever();

 private:
  std::shared_ptr<state> state_;
};

using connected_callback = std::function<task<>(stream_reader, stream_writer)>;

// co_await: listens, and runs `connected(reader, writer)` as a task of the running loop for each connection. What that
// throws goes to the loop's exception handler, and its connection is closed. Without descriptors it waits for some.
// Throws std::system_error: what listening says, and invalid_argument for a limit of 0.
[[nodiscard]] task<server> start_server(connected_callback connected, net::address at,
                                        std::size_t limit = default_limit, net::listen_options with = {});

// The same at several addresses. Those that this machine does not have, of a family that it does not know, say, are left
// out, unless all are. With port 0 each has a port of its own. invalid_argument for no address.
[[nodiscard]] task<server> start_server(connected_callback connected, std::vector<net::address> at,
                                        std::size_t limit = default_limit, net::listen_options with = {});

// The same at all addresses of a host, which is looked up on the blocking pool as net::resolve() does. Throws also
// net::resolve_errc.
[[nodiscard]] task<server> start_server(connected_callback connected, std::string host, std::uint16_t port,
                                        std::size_t limit = default_limit, net::listen_options with = {});

}  // namespace weft::stackless
