// SPDX-License-Identifier: BSL-1.0
// Boost.Asio's synchronous calls on tcp::socket, client and server both on fibers of one worker.
#include <string>
#include <utility>  // Boost 1.74 forgets it

#include <boost/asio.hpp>

#include "clients/company.hpp"
#include "hooks/files.hpp"

using namespace weft::clients;
using namespace std::chrono_literals;
using boost::asio::ip::tcp;
using weft::test::pattern;

namespace {

const tcp::endpoint any_port(boost::asio::ip::address_v4::loopback(), 0);

// Answers each line by the same line, until there are no more.
void echo_lines(tcp::socket with) {
  std::string text;
  boost::system::error_code error;
  while (const std::size_t size = boost::asio::read_until(with, boost::asio::dynamic_buffer(text), '\n', error)) {
    boost::asio::write(with, boost::asio::buffer(text.data(), size));
    text.erase(0, size);
  }
  CHECK(error == boost::asio::error::eof);
}

}  // namespace

TEST_CASE("a hundred synchronous clients of Asio's and their servers on one worker") {
  on_one_worker([] {
    constexpr int count = 100;
    boost::asio::io_context context;
    tcp::acceptor acceptor(context, any_port);
    weft::latch all_are_connected(count);
    int connected = 0;
    weft::with_scope([&](weft::scope& servers) {
      servers.spawn([&] {
        for (int i = 0; i < count; ++i) {
          tcp::socket peer = acceptor.accept();
          servers.spawn([peer = std::move(peer)]() mutable { echo_lines(std::move(peer)); });
        }
      });
      by_each(count, [&](int i) {
        tcp::socket socket(context);
        socket.connect(acceptor.local_endpoint());
        ++connected;
        all_are_connected.arrive_and_wait();
        CHECK(connected == count);
        const std::string line = pattern(std::size_t(50'000 + i)) + "\n";
        std::string got;
        for (int n = 0; n < 3; ++n) {
          boost::asio::write(socket, boost::asio::buffer(line));
          const std::size_t size = boost::asio::read_until(socket, boost::asio::dynamic_buffer(got), '\n');
          CHECK(got.substr(0, size) == line);
          got.erase(0, size);
        }
      });
    });
  });
}

TEST_CASE("a socket that Asio made non-blocking stays so") {
  on_one_worker([] {
    boost::asio::io_context context;
    tcp::acceptor acceptor(context, any_port);
    tcp::socket near(context);
    near.connect(acceptor.local_endpoint());
    tcp::socket far = acceptor.accept();
    near.non_blocking(true);
    char byte = 0;
    boost::system::error_code error;
    CHECK(near.read_some(boost::asio::buffer(&byte, 1), error) == 0);
    CHECK(error == boost::asio::error::would_block);
  });
}

TEST_CASE("a deadline ends a read of Asio's by its own word for a cancellation") {
  on_one_worker([] {
    boost::asio::io_context context;
    tcp::acceptor acceptor(context, any_port);
    tcp::socket near(context);
    near.connect(acceptor.local_endpoint());
    tcp::socket far = acceptor.accept();
    char byte = 0;
    boost::system::error_code error;
    CHECK_THROWS_AS(weft::with_timeout(20ms,
                                       [&] {
                                         CHECK(near.read_some(boost::asio::buffer(&byte, 1), error) == 0);
                                         CHECK(error == boost::asio::error::operation_aborted);
                                         weft::this_fiber::check_cancelled();
                                       }),
                    weft::timed_out);
    boost::asio::write(far, boost::asio::buffer("x", 1));
    CHECK(near.read_some(boost::asio::buffer(&byte, 1)) == 1);
    CHECK(byte == 'x');
  });
}
