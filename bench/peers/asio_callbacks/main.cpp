// SPDX-License-Identifier: BSL-1.0
// The echo server on Boost.Asio with callbacks: a session keeps itself alive as long as an operation is under way.
#include <utility>  // needed by Asio 1.74, which does not include it

#include <boost/asio.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

class session : public std::enable_shared_from_this<session> {
 public:
  explicit session(tcp::socket peer) : peer_(std::move(peer)) {}

  void read() {
    peer_.async_read_some(asio::buffer(bytes_),
                          [self = shared_from_this()](boost::system::error_code gone, std::size_t count) {
                            if (!gone) self->write(count);
                          });
  }

 private:
  void write(std::size_t count) {
    asio::async_write(peer_, asio::buffer(bytes_, count),
                      [self = shared_from_this()](boost::system::error_code gone, std::size_t) {
                        if (!gone) self->read();
                      });
  }

  tcp::socket peer_;
  std::array<char, 16384> bytes_;
};

void accept(tcp::acceptor& from) {
  from.async_accept([&from](boost::system::error_code refused, tcp::socket peer) {
    if (!refused) {
      boost::system::error_code gone;
      peer.set_option(tcp::no_delay(true), gone);
      std::make_shared<session>(std::move(peer))->read();
    }
    accept(from);
  });
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
  accept(listener);
  context.run();
} catch (const std::exception& error) {
  std::fprintf(stderr, "asio_callbacks: %s\n", error.what());
  return 1;
}
