// SPDX-License-Identifier: BSL-1.0
// Boost.Beast's synchronous HTTP over plain sockets, client and server both on fibers of one worker.
#include <string>
#include <utility>  // Boost 1.74 forgets it

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include "clients/company.hpp"
#include "hooks/files.hpp"

using namespace weft::clients;
using namespace std::chrono_literals;
using boost::asio::ip::tcp;
using weft::test::pattern;
namespace http = boost::beast::http;

namespace {

using request = http::request<http::string_body>;
using response = http::response<http::string_body>;

constexpr int version = 11;

// Answers each request by what it asked for and what came with it, the first one when all have asked theirs.
void answer_requests(tcp::socket with, weft::latch& all_have_asked) {
  boost::beast::flat_buffer buffer;
  boost::system::error_code error;
  for (bool is_first = true;; is_first = false) {
    request asked;
    http::read(with, buffer, asked, error);
    if (error) break;
    if (is_first) all_have_asked.arrive_and_wait();
    response answer(http::status::ok, version);
    answer.body() = std::string(asked.target()) + " " + asked.body();
    answer.prepare_payload();
    http::write(with, answer);
  }
  CHECK(error == http::error::end_of_stream);
}

request request_for(const std::string& name, std::string body) {
  request one(http::verb::post, name, version);
  one.set(http::field::host, "localhost");
  one.body() = std::move(body);
  one.prepare_payload();
  return one;
}

}  // namespace

TEST_CASE("fifty synchronous HTTP clients of Beast's and their servers on one worker") {
  on_one_worker([] {
    constexpr int count = 50;
    boost::asio::io_context context;
    tcp::acceptor acceptor(context, {boost::asio::ip::address_v4::loopback(), 0});
    weft::latch all_have_asked(count);
    int asking = 0;
    weft::with_scope([&](weft::scope& servers) {
      servers.spawn([&] {
        for (int i = 0; i < count; ++i) {
          tcp::socket peer = acceptor.accept();
          servers.spawn([&, peer = std::move(peer)]() mutable { answer_requests(std::move(peer), all_have_asked); });
        }
      });
      by_each(count, [&](int i) {
        tcp::socket socket(context);
        socket.connect(acceptor.local_endpoint());
        boost::beast::flat_buffer buffer;
        for (const std::size_t size : {std::size_t(i), std::size_t(300'000), std::size_t(0)}) {
          const std::string name = "/" + std::to_string(i), body = pattern(size);
          ++asking;
          http::write(socket, request_for(name, body));
          response answer;
          http::read(socket, buffer, answer);
          CHECK(asking >= count);  // nobody is answered before all wait
          CHECK(answer.result() == http::status::ok);
          CHECK(answer.body() == name + " " + body);
        }
      });
    });
  });
}

TEST_CASE("a deadline ends a read of Beast's in the middle of an answer, which can be read on") {
  on_one_worker([] {
    boost::asio::io_context context;
    tcp::acceptor acceptor(context, {boost::asio::ip::address_v4::loopback(), 0});
    tcp::socket near(context);
    near.connect(acceptor.local_endpoint());
    tcp::socket far = acceptor.accept();
    const std::string half = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf";
    boost::asio::write(far, boost::asio::buffer(half));
    boost::beast::flat_buffer buffer;
    http::response_parser<http::string_body> answer;
    boost::system::error_code error;
    const auto read_in_time = [&] {
      http::read(near, buffer, answer, error);
      weft::this_fiber::check_cancelled();
    };
    CHECK_THROWS_AS(weft::with_timeout(20ms, read_in_time), weft::timed_out);
    CHECK(error == boost::asio::error::operation_aborted);
    CHECK(!answer.is_done());
    boost::asio::write(far, boost::asio::buffer("-more!", 6));
    http::read(near, buffer, answer, error);  // goes on with the same parser
    CHECK(!error);
    CHECK(answer.get().body() == "half-more!");
  });
}
