// SPDX-License-Identifier: BSL-1.0
// raw_echo_epoll [PORT [each]]: the echo server as a bare epoll loop; what the others are held against. With `each`, every
// connection has a buffer of its own.
#include "support/epoll_loop.hpp"

#include <exception>

namespace {

struct echo_peer {
  bench::reply operator()(std::string_view input) const { return {input}; }
};

}  // namespace

int main(int argc, char** argv) try {
  const bool each = argc > 2 && std::string_view(argv[2]) == "each";
  bench::epoll_loop<echo_peer>(bench::listen_on(bench::port_argument(argc, argv)), 65536, each).run();
} catch (const std::exception& error) {
  std::fprintf(stderr, "raw_echo_epoll: %s\n", error.what());
  return 1;
}
