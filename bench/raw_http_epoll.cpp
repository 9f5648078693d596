// SPDX-License-Identifier: BSL-1.0
// raw_http_epoll [PORT]: the hello server as a bare epoll loop with the parser of examples/http; what the others are held
// against. Port 0, the default, takes a free one and prints it.
#include "../examples/http/hello_session.hpp"
#include "support/epoll_loop.hpp"

#include <exception>

namespace {

struct hello_peer {
  http::hello_session session;

  bench::reply operator()(std::string_view input) {
    static std::string out;  // one thread: all connections share it
    out.clear();
    const bool keep_alive = session.respond(input, out);
    return {out, keep_alive};
  }
};

}  // namespace

int main(int argc, char** argv) try {
  bench::epoll_loop<hello_peer>(bench::listen_on(bench::port_argument(argc, argv)), 16384, false).run();
} catch (const std::exception& error) {
  std::fprintf(stderr, "raw_http_epoll: %s\n", error.what());
  return 1;
}
