// SPDX-License-Identifier: BSL-1.0
// asio_spawn_proxy PORT UPSTREAM: the proxy of bench/proxy_fiber.cpp on Boost.Asio with stackful coroutines.
#include <utility>  // needed by Asio 1.74, which does not include it

#include <boost/asio.hpp>
#include <boost/asio/spawn.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

void pass_on(tcp::socket& client, const tcp::endpoint& upstream, asio::yield_context yield) {
  boost::system::error_code gone;
  client.set_option(tcp::no_delay(true), gone);
  tcp::socket server(client.get_executor());
  server.async_connect(upstream, yield[gone]);
  if (!gone) server.set_option(tcp::no_delay(true), gone);
  std::array<char, 16384> bytes;
  while (!gone) {
    const std::size_t count = client.async_read_some(asio::buffer(bytes), yield[gone]);
    const auto message = asio::buffer(bytes, count);
    if (!gone) asio::async_write(server, message, yield[gone]);
    if (!gone) asio::async_read(server, message, yield[gone]);
    if (!gone) asio::async_write(client, message, yield[gone]);
  }
}

void serve(asio::io_context& context, tcp::acceptor& listener, const tcp::endpoint& upstream,
           asio::yield_context yield) {
  for (;;) {
    boost::system::error_code refused;
    tcp::socket client(context);
    listener.async_accept(client, yield[refused]);
    if (refused) continue;
    asio::spawn(context, [client = std::move(client), upstream](asio::yield_context of_it) mutable {
      pass_on(client, upstream, of_it);
    });
  }
}

unsigned short port(const char* text) { return static_cast<unsigned short>(std::strtoul(text, nullptr, 10)); }

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) throw std::invalid_argument("usage: asio_spawn_proxy PORT UPSTREAM");
  asio::io_context context(1);
  const tcp::endpoint upstream(asio::ip::address_v4::loopback(), port(argv[2]));
  tcp::acceptor listener(context);
  listener.open(tcp::v4());
  listener.set_option(tcp::acceptor::reuse_address(true));
  listener.bind({asio::ip::address_v4::loopback(), port(argv[1])});
  listener.listen(4096);
  std::printf("listening on 127.0.0.1:%d\n", listener.local_endpoint().port());
  std::fflush(stdout);
  asio::spawn(context, [&](asio::yield_context yield) { serve(context, listener, upstream, yield); });
  context.run();
} catch (const std::exception& error) {
  std::fprintf(stderr, "asio_spawn_proxy: %s\n", error.what());
  return 1;
}
