// SPDX-License-Identifier: BSL-1.0
// raw_echo_epoll [PORT [each|shared [BYTES]]]: the echo server as a bare epoll loop; what the others are held against.
// BYTES: the size of a buffer, 65536 unless told; with `each`, every connection has one of its own.
#include "support/epoll_loop.hpp"

#include <exception>

namespace {

struct echo_peer {
  bench::reply operator()(std::string_view input) const { return {input}; }
};

}  // namespace

int main(int argc, char** argv) try {
  const bool each = argc > 2 && std::string_view(argv[2]) == "each";
  const std::size_t bytes = argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 65536;
  bench::epoll_loop<echo_peer>(bench::listen_on(bench::port_argument(argc, argv)), bytes, each).run();
} catch (const std::exception& error) {
  std::fprintf(stderr, "raw_echo_epoll: %s\n", error.what());
  return 1;
}
