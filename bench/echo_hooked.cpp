// SPDX-License-Identifier: BSL-1.0
// echo_hooked [PORT]: what does an echo server take that is written as for threads, with libc's blocking calls, and
// runs on fibers of one worker? Against echo_fiber, which does the same by weft::net, with buffers of the same size.
#include "support/loopback.hpp"

#include <fcntl.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <weft/hooks.hpp>
#include <weft/weft.hpp>

namespace {

void echo(int fd) {
  bench::set_no_delay(fd);
  char buffer[65536];
  for (;;) {
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got <= 0 || ::write(fd, buffer, std::size_t(got)) != got) break;
  }
  ::close(fd);
}

void serve(int listener) {
  for (;;) {
    const int fd = ::accept(listener, nullptr, nullptr);
    if (fd < 0) bench::fail("accept");
    weft::go([fd] { echo(fd); });
  }
}

}  // namespace

int main(int argc, char** argv) try {
  if (!weft::hooks::enabled()) throw std::runtime_error("the hooks are not there");
  std::signal(SIGPIPE, SIG_IGN);
  const int listener = bench::listen_on(bench::port_argument(argc, argv));
  fcntl(listener, F_SETFL, fcntl(listener, F_GETFL) & ~O_NONBLOCK);  // accept blocks, like everything here
  weft::run([&] { serve(listener); }, {.workers = 1});
} catch (const std::exception& error) {
  std::fprintf(stderr, "echo_hooked: %s\n", error.what());
  return 1;
}
