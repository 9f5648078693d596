// SPDX-License-Identifier: BSL-1.0
// The answer of the hello servers on Boost.Beast, with the fields that those of examples/ send.
#pragma once

#include "../../examples/http/hello_session.hpp"

#include <utility>  // needed by Asio 1.74, which does not include it

#include <boost/asio.hpp>
#include <boost/beast.hpp>

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace bench {

using hello_request = boost::beast::http::request<boost::beast::http::empty_body>;
using hello_response = boost::beast::http::response<boost::beast::http::string_body>;

inline hello_response hello(const hello_request& asked) {
  using boost::beast::http::field;
  constexpr std::string_view name = "Date: ", end = "\r\n";
  std::string_view date = http::date_field();
  date = date.substr(name.size(), date.size() - name.size() - end.size());
  hello_response answer(boost::beast::http::status::ok, asked.version());
  answer.set(field::date, {date.data(), date.size()});
  answer.set(field::content_type, "text/plain");
  answer.keep_alive(asked.keep_alive());
  answer.body() = "Hello, world!\n";
  answer.prepare_payload();
  return answer;
}

// Listens at the port of the command line, and prints where.
inline boost::asio::ip::tcp::acceptor hello_listener(boost::asio::io_context& context, int argc, char** argv) {
  using boost::asio::ip::tcp;
  tcp::acceptor listener(context);
  listener.open(tcp::v4());
  listener.set_option(tcp::acceptor::reuse_address(true));
  const auto port = static_cast<unsigned short>(argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 0);
  listener.bind({boost::asio::ip::address_v4::loopback(), port});
  listener.listen(4096);
  std::printf("listening on 127.0.0.1:%d\n", listener.local_endpoint().port());
  std::fflush(stdout);
  return listener;
}

}  // namespace bench
