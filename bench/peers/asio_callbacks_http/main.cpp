// SPDX-License-Identifier: BSL-1.0
// The hello server on Boost.Beast, which is Boost.Asio's HTTP, with callbacks.
#include "../../support/beast_hello.hpp"

#include <exception>
#include <memory>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using boost::system::error_code;

// Keeps itself alive as long as an operation is under way.
class session : public std::enable_shared_from_this<session> {
 public:
  explicit session(tcp::socket peer) : peer_(std::move(peer)) {}

  void read() {
    asked_ = {};
    beast::http::async_read(peer_, buffer_, asked_, [self = shared_from_this()](error_code gone, std::size_t) {
      if (!gone) self->write();
    });
  }

 private:
  void write() {
    answer_ = bench::hello(asked_);
    beast::http::async_write(peer_, answer_, [self = shared_from_this()](error_code gone, std::size_t) {
      if (!gone && self->answer_.keep_alive()) self->read();
    });
  }

  tcp::socket peer_;
  beast::flat_buffer buffer_;
  bench::hello_request asked_;
  bench::hello_response answer_;
};

void accept(tcp::acceptor& from) {
  from.async_accept([&from](error_code refused, tcp::socket peer) {
    if (!refused) {
      error_code gone;
      peer.set_option(tcp::no_delay(true), gone);
      std::make_shared<session>(std::move(peer))->read();
    }
    accept(from);
  });
}

}  // namespace

int main(int argc, char** argv) try {
  asio::io_context context(1);
  tcp::acceptor listener = bench::hello_listener(context, argc, argv);
  accept(listener);
  context.run();
} catch (const std::exception& error) {
  std::fprintf(stderr, "asio_callbacks_http: %s\n", error.what());
  return 1;
}
