// SPDX-License-Identifier: BSL-1.0
// The echo server on Boost.Asio with coroutines: asio::awaitable, one for each connection.
#include <utility>  // needed by Asio 1.74, which does not include it

#include <boost/asio.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

asio::awaitable<void> echo(tcp::socket peer) {
  try {
    peer.set_option(tcp::no_delay(true));
    std::array<char, 16384> bytes;
    for (;;) {
      const std::size_t count = co_await peer.async_read_some(asio::buffer(bytes), asio::use_awaitable);
      co_await asio::async_write(peer, asio::buffer(bytes, count), asio::use_awaitable);
    }
  } catch (const boost::system::system_error&) {  // the peer is gone
  }
}

asio::awaitable<void> serve(tcp::acceptor& listener) {
  for (;;) {
    tcp::socket peer = co_await listener.async_accept(asio::use_awaitable);
    asio::co_spawn(listener.get_executor(), echo(std::move(peer)), asio::detached);
  }
}

}  // namespace

int main(int argc, char** argv) try {
  asio::io_context context(1);
  const auto port = static_cast<unsigned short>(argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 0);
  tcp::acceptor listener(context);
  listener.open(tcp::v4());
  listener.set_option(tcp::acceptor::reuse_address(true));
  listener.bind({asio::ip::address_v4::loopback(), port});
  listener.listen(4096);
  std::printf("listening on 127.0.0.1:%d\n", listener.local_endpoint().port());
  std::fflush(stdout);
  asio::co_spawn(context, serve(listener), asio::detached);
  context.run();
} catch (const std::exception& error) {
  std::fprintf(stderr, "asio_awaitable: %s\n", error.what());
  return 1;
}
