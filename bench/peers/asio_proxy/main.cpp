// SPDX-License-Identifier: BSL-1.0
// asio_proxy PORT UPSTREAM: the proxy of bench/proxy_fiber.cpp on Boost.Asio with coroutines.
#include <utility>  // needed by Asio 1.74, which does not include it

#include <boost/asio.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

asio::awaitable<void> pass_on(tcp::socket client, tcp::endpoint upstream) {
  try {
    client.set_option(tcp::no_delay(true));
    tcp::socket server(client.get_executor());
    co_await server.async_connect(upstream, asio::use_awaitable);
    server.set_option(tcp::no_delay(true));
    std::array<char, 16384> bytes;
    for (;;) {
      const std::size_t count = co_await client.async_read_some(asio::buffer(bytes), asio::use_awaitable);
      const auto message = asio::buffer(bytes, count);
      co_await asio::async_write(server, message, asio::use_awaitable);
      co_await asio::async_read(server, message, asio::use_awaitable);
      co_await asio::async_write(client, message, asio::use_awaitable);
    }
  } catch (const boost::system::system_error&) {  // one of the two is gone
  }
}

asio::awaitable<void> serve(tcp::acceptor& listener, tcp::endpoint upstream) {
  for (;;) {
    tcp::socket client = co_await listener.async_accept(asio::use_awaitable);
    asio::co_spawn(listener.get_executor(), pass_on(std::move(client), upstream), asio::detached);
  }
}

unsigned short port(const char* text) { return static_cast<unsigned short>(std::strtoul(text, nullptr, 10)); }

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) throw std::invalid_argument("usage: asio_proxy PORT UPSTREAM");
  asio::io_context context(1);
  tcp::acceptor listener(context);
  listener.open(tcp::v4());
  listener.set_option(tcp::acceptor::reuse_address(true));
  listener.bind({asio::ip::address_v4::loopback(), port(argv[1])});
  listener.listen(4096);
  std::printf("listening on 127.0.0.1:%d\n", listener.local_endpoint().port());
  std::fflush(stdout);
  asio::co_spawn(context, serve(listener, {asio::ip::address_v4::loopback(), port(argv[2])}), asio::detached);
  context.run();
} catch (const std::exception& error) {
  std::fprintf(stderr, "asio_proxy: %s\n", error.what());
  return 1;
}
