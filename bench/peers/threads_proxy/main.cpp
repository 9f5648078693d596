// SPDX-License-Identifier: BSL-1.0
// threads_proxy PORT UPSTREAM: the proxy of bench/proxy_fiber.cpp with a thread for each client and blocking calls.
#include "../../support/loopback.hpp"

#include <fcntl.h>

#include <array>
#include <exception>
#include <stdexcept>
#include <thread>

namespace {

bool send_all(int fd, const char* from, std::size_t size) {
  while (size > 0) {
    const ssize_t sent = send(fd, from, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return false;
    from += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

// At least one byte; 0 if the peer is gone.
std::size_t receive(int fd, char* into, std::size_t most) {
  for (;;) {
    const ssize_t got = recv(fd, into, most, 0);
    if (got < 0 && errno == EINTR) continue;
    return got > 0 ? static_cast<std::size_t>(got) : 0;
  }
}

bool receive_all(int fd, char* into, std::size_t size) {
  while (size > 0) {
    const std::size_t got = receive(fd, into, size);
    if (got == 0) return false;
    into += got;
    size -= got;
  }
  return true;
}

void pass_on(int client, sockaddr_in upstream) {
  const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bench::set_no_delay(client);
  bench::set_no_delay(server);
  if (connect(server, reinterpret_cast<const sockaddr*>(&upstream), sizeof upstream) == 0) {
    std::array<char, 16384> bytes;
    while (const std::size_t size = receive(client, bytes.data(), bytes.size())) {
      if (!send_all(server, bytes.data(), size) || !receive_all(server, bytes.data(), size) ||
          !send_all(client, bytes.data(), size))
        break;
    }
  }
  close(server);
  close(client);
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) throw std::invalid_argument("usage: threads_proxy PORT UPSTREAM");
  const sockaddr_in upstream = bench::loopback(bench::port_argument(argc - 1, argv + 1));
  const int listener = bench::listen_on(bench::port_argument(argc, argv));
  fcntl(listener, F_SETFL, fcntl(listener, F_GETFL) & ~O_NONBLOCK);  // accept blocks, like everything here
  for (;;) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0)
      std::thread(pass_on, fd, upstream).detach();
    else if (errno != EINTR && errno != ECONNABORTED)
      bench::fail("accept");
  }
} catch (const std::exception& error) {
  std::fprintf(stderr, "threads_proxy: %s\n", error.what());
  return 1;
}
