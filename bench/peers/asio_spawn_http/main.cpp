// SPDX-License-Identifier: BSL-1.0
// The hello server on Boost.Beast, which is Boost.Asio's HTTP, with stackful coroutines.
#include "../../support/beast_hello.hpp"

#include <boost/asio/spawn.hpp>

#include <exception>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;

void talk(tcp::socket& peer, asio::yield_context yield) {
  boost::system::error_code gone;
  peer.set_option(tcp::no_delay(true), gone);
  beast::flat_buffer buffer;
  for (bool keep_alive = true; keep_alive && !gone;) {
    bench::hello_request asked;
    beast::http::async_read(peer, buffer, asked, yield[gone]);
    if (gone) return;
    bench::hello_response answer = bench::hello(asked);
    keep_alive = answer.keep_alive();
    beast::http::async_write(peer, answer, yield[gone]);
  }
}

void serve(asio::io_context& context, tcp::acceptor& listener, asio::yield_context yield) {
  for (;;) {
    boost::system::error_code refused;
    tcp::socket peer(context);
    listener.async_accept(peer, yield[refused]);
    if (refused) continue;
    asio::spawn(context, [peer = std::move(peer)](asio::yield_context of_it) mutable { talk(peer, of_it); });
  }
}

}  // namespace

int main(int argc, char** argv) try {
  asio::io_context context(1);
  tcp::acceptor listener = bench::hello_listener(context, argc, argv);
  asio::spawn(context, [&](asio::yield_context yield) { serve(context, listener, yield); });
  context.run();
} catch (const std::exception& error) {
  std::fprintf(stderr, "asio_spawn_http: %s\n", error.what());
  return 1;
}
