// SPDX-License-Identifier: BSL-1.0
// The same as fibers do, by tasks: their operations on sockets, and streams on a loop.
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "faults/life.hpp"

namespace weft::faults {
namespace {

using namespace std::chrono_literals;
using stackless::task;

template <class Listener> task<> echo_as_task(Listener& listener) {
  auto stream = co_await listener.async_accept();
  std::array<std::byte, 4096> block;
  while (const std::size_t got = co_await stream.async_read_some(block))
    co_await stream.async_write_all(net::const_buffer(block).first(got));
  stream.shutdown_write();
}

template <class Stream> task<Stream> connect_to(net::address where) { co_return co_await Stream::async_connect(where); }

task<> send_all(auto& stream, const std::vector<std::byte>& what) {
  co_await stream.async_write_all(what);
  stream.shutdown_write();
}

task<> receive_all(auto& stream, std::vector<std::byte>& into) {
  co_await stream.async_read_exact(into);
  std::byte more[1];
  if (co_await stream.async_read_some(more) != 0) throw std::logic_error("an echo is longer than what was sent");
}

// Fibers await the tasks, so that the error of one ends the others.
template <class Listener, class Stream> void echo_by_tasks(const net::address& at) {
  Listener listener(at);
  std::vector<std::byte> sent(letter), got(letter);
  for (std::size_t i = 0; i < letter; ++i) sent[i] = std::byte(i * 7);
  with_scope([&](scope& s) {
    s.spawn([&] { await(echo_as_task(listener)); });
    auto stream = await(connect_to<Stream>(listener.local()));
    with_scope([&](scope& inner) {
      inner.spawn([&] { await(send_all(stream, sent)); });
      await(receive_all(stream, got));
    });
  });
  if (got != sent) throw std::logic_error("an echo differs from what was sent");
}

task<> datagrams_by_tasks() {
  net::udp_socket one(net::address("127.0.0.1", 0)), other(net::address("127.0.0.1", 0));
  std::array<std::byte, 64> block;
  for (int i = 0; i < 3; ++i) {
    co_await one.async_send_to(std::as_bytes(std::span("hello", 5)), other.local());
    const auto [size, from] = co_await other.async_receive_from(block, 5s);
    if (size != 5 || !from.is_ip()) throw std::logic_error("a datagram differs from what was sent");
  }
}

task<> echo_by_streams(stackless::stream_reader reader, stackless::stream_writer writer) {
  while (!reader.at_eof()) {
    writer.write(co_await reader.read(4096));
    co_await writer.drain();
  }
  writer.close();
  co_await writer.wait_closed();
}

task<> ask_by_streams(net::address where) {
  auto [reader, writer] = co_await stackless::open_connection(where);
  const std::string sent(letter, 'x');
  writer.write(sent);
  writer.write_eof();
  const std::string got = co_await reader.read();
  writer.close();
  co_await writer.wait_closed();
  // What fails in the server's conversation is told to the loop, and ends the connection.
  if (got != sent) throw std::system_error(std::make_error_code(std::errc::connection_aborted), "an echo by streams");
}

task<> live_on_a_loop() {
  auto server = co_await stackless::start_server(echo_by_streams, net::address("127.0.0.1", 0));
  co_await stackless::wait_for(ask_by_streams(server.local()), 5s);
  server.close();
  co_await server.wait_closed();
}

}  // namespace

void live_as_tasks() {
  run(
      [] {
        echo_by_tasks<net::tcp_listener, net::tcp_stream>(net::address("127.0.0.1", 0));
        echo_by_tasks<net::unix_listener, net::unix_stream>(
            net::address::parse("unix:@weft-faults-" + std::to_string(::getpid())));
        await(datagrams_by_tasks());
      },
      {.workers = 2});
  stackless::run(live_on_a_loop());
}

}  // namespace weft::faults
