// SPDX-License-Identifier: BSL-1.0
// The hello server on Boost.Beast, which is Boost.Asio's HTTP, with coroutines.
#include "../../support/beast_hello.hpp"

#include <exception>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;

asio::awaitable<void> talk(tcp::socket peer) {
  try {
    peer.set_option(tcp::no_delay(true));
    beast::flat_buffer buffer;
    for (bool keep_alive = true; keep_alive;) {
      bench::hello_request asked;
      co_await beast::http::async_read(peer, buffer, asked, asio::use_awaitable);
      bench::hello_response answer = bench::hello(asked);
      keep_alive = answer.keep_alive();
      co_await beast::http::async_write(peer, answer, asio::use_awaitable);
    }
  } catch (const boost::system::system_error&) {  // the peer is gone
  }
}

asio::awaitable<void> serve(tcp::acceptor& listener) {
  for (;;) {
    tcp::socket peer = co_await listener.async_accept(asio::use_awaitable);
    asio::co_spawn(listener.get_executor(), talk(std::move(peer)), asio::detached);
  }
}

}  // namespace

int main(int argc, char** argv) try {
  asio::io_context context(1);
  tcp::acceptor listener = bench::hello_listener(context, argc, argv);
  asio::co_spawn(context, serve(listener), asio::detached);
  context.run();
} catch (const std::exception& error) {
  std::fprintf(stderr, "asio_http: %s\n", error.what());
  return 1;
}
