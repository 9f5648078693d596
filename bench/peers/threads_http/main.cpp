// SPDX-License-Identifier: BSL-1.0
// The hello server with a thread for each connection and blocking calls; it parses by the code of examples/http.
#include "../../../examples/http/hello_session.hpp"
#include "../../support/loopback.hpp"

#include <fcntl.h>

#include <array>
#include <exception>
#include <thread>

namespace {

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void talk(int fd) {
  bench::set_no_delay(fd);
  http::hello_session session;
  std::array<char, 16384> buffer;
  std::string out;
  for (bool keep_alive = true; keep_alive;) {
    const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    out.clear();
    keep_alive = session.respond({buffer.data(), static_cast<std::size_t>(got)}, out);
    if (!send_all(fd, out)) break;
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
      std::thread(talk, fd).detach();
    else if (errno != EINTR && errno != ECONNABORTED)
      bench::fail("accept");
  }
} catch (const std::exception& error) {
  std::fprintf(stderr, "threads_http: %s\n", error.what());
  return 1;
}
