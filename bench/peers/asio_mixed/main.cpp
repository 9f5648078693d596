// SPDX-License-Identifier: BSL-1.0
// asio_mixed [PORT]: answers the requests of bench/open_load.cpp on Boost.Asio with coroutines, on one thread.
#include "../../support/computing.hpp"

#include <utility>  // needed by Asio 1.74, which does not include it

#include <boost/asio.hpp>

#include <cstdio>
#include <cstdlib>
#include <exception>

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

asio::awaitable<void> answer(tcp::socket peer) {
  try {
    peer.set_option(tcp::no_delay(true));
    bench::request asked;
    for (;;) {
      co_await asio::async_read(peer, asio::buffer(&asked, sizeof asked), asio::use_awaitable);
      asked.result = bench::computed(asked.rounds);
      co_await asio::async_write(peer, asio::buffer(&asked, sizeof asked), asio::use_awaitable);
    }
  } catch (const boost::system::system_error&) {  // the peer is gone
  }
}

asio::awaitable<void> serve(tcp::acceptor& listener) {
  for (;;) {
    tcp::socket peer = co_await listener.async_accept(asio::use_awaitable);
    asio::co_spawn(listener.get_executor(), answer(std::move(peer)), asio::detached);
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
  std::fprintf(stderr, "asio_mixed: %s\n", error.what());
  return 1;
}
