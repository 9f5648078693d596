// SPDX-License-Identifier: BSL-1.0
// proxy_fiber PORT UPSTREAM: for each message of a client one call of the server at port UPSTREAM, whose answer, as long as
// the message, goes back. A fiber and a connection upstream for each client, one worker.
#include <array>
#include <cstdio>
#include <exception>
#include <span>
#include <string>
#include <weft/weft.hpp>

int main(int argc, char** argv) try {
  if (argc != 3) throw std::invalid_argument("usage: proxy_fiber PORT UPSTREAM");
  const auto upstream = weft::net::address::parse(std::string("127.0.0.1:") + argv[2]);
  weft::options one;
  one.workers = 1;
  weft::run(
      [&] {
        weft::net::tcp_listener listener(weft::net::address::parse(std::string("127.0.0.1:") + argv[1]));
        std::printf("listening on %s\n", to_string(listener.local()).c_str());
        std::fflush(stdout);
        weft::net::serve(listener, [&](weft::net::tcp_stream client) {
          std::error_code gone;
          client.set_no_delay(true, gone);
          auto server = weft::net::tcp_stream::connect(upstream, gone);
          if (!gone) server.set_no_delay(true, gone);
          std::array<std::byte, 16384> bytes;
          while (!gone) {
            const std::size_t count = client.read_some(bytes, gone);
            if (count == 0) return;
            const auto message = std::span(bytes).first(count);
            server.write_all(message, gone);
            if (!gone) server.read_exact(message, gone);
            if (!gone) client.write_all(message, gone);
          }
        });
      },
      one);
} catch (const std::exception& error) {
  std::fprintf(stderr, "proxy_fiber: %s\n", error.what());
  return 1;
}
