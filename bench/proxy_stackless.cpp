// SPDX-License-Identifier: BSL-1.0
// proxy_stackless PORT UPSTREAM: proxy_fiber with a task for each client.
#include <array>
#include <cstdio>
#include <exception>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

namespace {

namespace stackless = weft::stackless;

stackless::task<> pass_on(weft::net::tcp_stream client, weft::net::address upstream) {
  try {
    client.set_no_delay(true);
    auto server = co_await weft::net::tcp_stream::async_connect(upstream);
    server.set_no_delay(true);
    std::array<std::byte, 16384> bytes;
    while (const std::size_t count = co_await client.async_read_some(bytes)) {
      const auto message = std::span(bytes).first(count);
      co_await server.async_write_all(message);
      co_await server.async_read_exact(message);
      co_await client.async_write_all(message);
    }
  } catch (const std::system_error&) {  // one of the two broke off
  }
}

stackless::task<> serve(std::string port, std::string to) {
  const auto upstream = weft::net::address::parse("127.0.0.1:" + to);
  weft::net::tcp_listener listener(weft::net::address::parse("127.0.0.1:" + port));
  std::printf("listening on %s\n", to_string(listener.local()).c_str());
  std::fflush(stdout);
  for (;;) stackless::create_task(pass_on(co_await listener.async_accept(), upstream)).detach();
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) throw std::invalid_argument("usage: proxy_stackless PORT UPSTREAM");
  weft::options one;
  one.workers = 1;
  stackless::run(serve(argv[1], argv[2]), one);
} catch (const std::exception& error) {
  std::fprintf(stderr, "proxy_stackless: %s\n", error.what());
  return 1;
}
