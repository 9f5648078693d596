// SPDX-License-Identifier: BSL-1.0
// echo [PORT]: sends back what it gets, a fiber for each connection. Port 0, the default, takes a free one and prints it.
#include <array>
#include <cstdio>
#include <string>
#include <weft/weft.hpp>

int main(int argc, char** argv) {
  weft::run([&] {
    weft::net::tcp_listener listener(weft::net::address::parse(std::string("127.0.0.1:") + (argc > 1 ? argv[1] : "0")));
    std::printf("listening on %s\n", to_string(listener.local()).c_str()), std::fflush(stdout);
    weft::net::serve(listener, [](weft::net::tcp_stream peer) {
      std::array<std::byte, 4096> buffer;
      while (const auto n = peer.read_some(buffer)) peer.write_all(std::span(buffer).first(n));
    });
  });
}
