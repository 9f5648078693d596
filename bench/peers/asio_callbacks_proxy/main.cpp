// SPDX-License-Identifier: BSL-1.0
// asio_callbacks_proxy PORT UPSTREAM: the proxy of bench/proxy_fiber.cpp on Boost.Asio with callbacks.
#include <utility>  // needed by Asio 1.74, which does not include it

#include <boost/asio.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <stdexcept>

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// Keeps itself alive as long as an operation is under way.
class session : public std::enable_shared_from_this<session> {
 public:
  explicit session(tcp::socket client) : client_(std::move(client)), server_(client_.get_executor()) {}

  void begin(const tcp::endpoint& upstream) {
    server_.async_connect(upstream, [self = shared_from_this()](error_code gone) {
      if (!gone) self->server_.set_option(tcp::no_delay(true), gone);
      if (!gone) self->read();
    });
  }

 private:
  void read() {
    client_.async_read_some(asio::buffer(bytes_), [self = shared_from_this()](error_code gone, std::size_t count) {
      if (!gone) self->ask(asio::buffer(self->bytes_, count));
    });
  }

  void ask(asio::mutable_buffer message) {
    asio::async_write(server_, message, [self = shared_from_this(), message](error_code gone, std::size_t) {
      if (!gone) self->hear(message);
    });
  }

  void hear(asio::mutable_buffer message) {
    asio::async_read(server_, message, [self = shared_from_this(), message](error_code gone, std::size_t) {
      if (!gone) self->answer(message);
    });
  }

  void answer(asio::mutable_buffer message) {
    asio::async_write(client_, message, [self = shared_from_this()](error_code gone, std::size_t) {
      if (!gone) self->read();
    });
  }

  tcp::socket client_, server_;
  std::array<char, 16384> bytes_;
};

void accept(tcp::acceptor& from, const tcp::endpoint& upstream) {
  from.async_accept([&from, &upstream](error_code refused, tcp::socket client) {
    if (!refused) {
      error_code gone;
      client.set_option(tcp::no_delay(true), gone);
      std::make_shared<session>(std::move(client))->begin(upstream);
    }
    accept(from, upstream);
  });
}

unsigned short port(const char* text) { return static_cast<unsigned short>(std::strtoul(text, nullptr, 10)); }

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) throw std::invalid_argument("usage: asio_callbacks_proxy PORT UPSTREAM");
  asio::io_context context(1);
  const tcp::endpoint upstream(asio::ip::address_v4::loopback(), port(argv[2]));
  tcp::acceptor listener(context);
  listener.open(tcp::v4());
  listener.set_option(tcp::acceptor::reuse_address(true));
  listener.bind({asio::ip::address_v4::loopback(), port(argv[1])});
  listener.listen(4096);
  std::printf("listening on 127.0.0.1:%d\n", listener.local_endpoint().port());
  std::fflush(stdout);
  accept(listener, upstream);
  context.run();
} catch (const std::exception& error) {
  std::fprintf(stderr, "asio_callbacks_proxy: %s\n", error.what());
  return 1;
}
