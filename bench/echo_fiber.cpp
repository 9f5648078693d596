// SPDX-License-Identifier: BSL-1.0
// echo_fiber [PORT]: the echo server on fibers, one worker. `buffered` takes its buffer when there is something to read and
// gives it back when that has been sent, so that all connections read into the same hot block.
#include <cstdio>
#include <exception>
#include <string>
#include <weft/weft.hpp>

int main(int argc, char** argv) try {
  weft::options one;
  one.workers = 1;
  weft::run(
      [&] {
        weft::net::tcp_listener listener(
            weft::net::address::parse(std::string("127.0.0.1:") + (argc > 1 ? argv[1] : "0")));
        std::printf("listening on %s\n", to_string(listener.local()).c_str());
        std::fflush(stdout);
        weft::net::serve(listener, [](weft::net::tcp_stream peer) {
          std::error_code gone;
          peer.set_no_delay(true, gone);
          weft::net::buffered input(peer);
          while (!gone) {
            const auto bytes = input.peek(gone);
            if (bytes.empty()) return;
            peer.write_all(bytes, gone);
            input.consume(bytes.size());
          }
        });
      },
      one);
} catch (const std::exception& error) {
  std::fprintf(stderr, "echo_fiber: %s\n", error.what());
  return 1;
}
