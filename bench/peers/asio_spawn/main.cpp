// SPDX-License-Identifier: BSL-1.0
// The echo server on Boost.Asio with stackful coroutines: asio::spawn, one for each connection.
#include <utility>  // needed by Asio 1.74, which does not include it

#include <boost/asio.hpp>
#include <boost/asio/spawn.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

void echo(tcp::socket& peer, asio::yield_context yield) {
  boost::system::error_code gone;
  peer.set_option(tcp::no_delay(true), gone);
  std::array<char, 16384> bytes;
  while (!gone) {
    const std::size_t count = peer.async_read_some(asio::buffer(bytes), yield[gone]);
    if (!gone) asio::async_write(peer, asio::buffer(bytes, count), yield[gone]);
  }
}

void serve(asio::io_context& context, tcp::acceptor& listener, asio::yield_context yield) {
  for (;;) {
    boost::system::error_code refused;
    tcp::socket peer(context);
    listener.async_accept(peer, yield[refused]);
    if (refused) continue;
    asio::spawn(context, [peer = std::move(peer)](asio::yield_context of_it) mutable { echo(peer, of_it); });
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
  asio::spawn(context, [&](asio::yield_context yield) { serve(context, listener, yield); });
  context.run();
} catch (const std::exception& error) {
  std::fprintf(stderr, "asio_spawn: %s\n", error.what());
  return 1;
}
