// SPDX-License-Identifier: BSL-1.0
// The echo server with a thread for each connection and blocking calls.
#include "../../support/loopback.hpp"

#include <fcntl.h>

#include <array>
#include <exception>
#include <thread>

namespace {

bool send_all(int fd, const char* from, std::size_t size) {
  while (size > 0) {
    const ssize_t sent = send(fd, from, size, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      return false;
    }
    from += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

void echo(int fd) {
  bench::set_no_delay(fd);
  std::array<char, 16384> buffer;
  for (;;) {
    const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 || !send_all(fd, buffer.data(), static_cast<std::size_t>(got))) break;
  }
  close(fd);
}

}  // namespace

int main(int argc, char** argv) try {
  const int listener = bench::listen_on(bench::port_argument(argc, argv));
  fcntl(listener, F_SETFL, fcntl(listener, F_GETFL) & ~O_NONBLOCK);  // accept blocks, like everything here
  for (;;) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0)
      std::thread(echo, fd).detach();
    else if (errno != EINTR && errno != ECONNABORTED)
      bench::fail("accept");
  }
} catch (const std::exception& error) {
  std::fprintf(stderr, "threads_echo: %s\n", error.what());
  return 1;
}
