// SPDX-License-Identifier: BSL-1.0
// mixed_fiber [PORT]: answers the requests of open_load, computing where it is asked; a fiber for each connection, one worker.
#include "support/computing.hpp"

#include <cstdio>
#include <exception>
#include <span>
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
          bench::request asked;
          const auto bytes = std::as_writable_bytes(std::span(&asked, 1));
          while (!gone && peer.read_exact(bytes, gone) == bytes.size()) {
            asked.result = bench::computed(asked.rounds);
            peer.write_all(bytes, gone);
          }
        });
      },
      one);
} catch (const std::exception& error) {
  std::fprintf(stderr, "mixed_fiber: %s\n", error.what());
  return 1;
}
