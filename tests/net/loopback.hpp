// SPDX-License-Identifier: BSL-1.0
// Connections within this process, and what tests do to them beside what net offers.
#pragma once

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>
#include <weft/net/tcp_listener.hpp>
#include <weft/net/unix_listener.hpp>

#include "support/temporary.hpp"

namespace weft::test {

inline net::address any_port() { return net::address("127.0.0.1", 0); }

struct tcp_pair {
  tcp_pair() {
    net::tcp_listener listener(any_port());
    client = net::tcp_stream::connect(listener.local());
    server = listener.accept();
  }
  net::tcp_stream client, server;
};

inline std::size_t fd_limit() {
  rlimit now;
  ::getrlimit(RLIMIT_NOFILE, &now);
  return now.rlim_cur;
}

// The process may have that many fds more, as long as the object lives.
class few_fds {
 public:
  explicit few_fds(rlim_t more) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int lowest = ::dup(0);  // the number that the next fd would get
    ::close(lowest);
    rlimit now = before_;
    now.rlim_cur = static_cast<rlim_t>(lowest) + more;
    ::setrlimit(RLIMIT_NOFILE, &now);
  }
  few_fds(const few_fds&) = delete;
  few_fds& operator=(const few_fds&) = delete;
  ~few_fds() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_;
};

// The next close sends RST instead of FIN.
inline void reset_on_close(net::tcp_stream& s) {
  const linger now{1, 0};
  ::setsockopt(s.native_handle(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

// Writes of this many bytes and more come in parts. (A receive buffer below the loopback's packets would make it crawl.)
inline void set_send_buffer(int fd, int bytes) { ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes); }

// Bytes that tell where they belong: no shift, loss or doubling goes unseen.
inline std::byte pattern_at(std::size_t i) { return static_cast<std::byte>((i * 2654435761u) >> 13); }

inline std::vector<std::byte> pattern(std::size_t size, std::size_t from = 0) {
  std::vector<std::byte> result(size);
  for (std::size_t i = 0; i < size; ++i) result[i] = pattern_at(from + i);
  return result;
}

inline std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <class Stream> std::string read_to_end(Stream& s) {
  std::string all;
  std::byte piece[4096];
  while (const auto count = s.read_some(piece)) all += text_of(std::span(piece, count));
  return all;
}

template <class Stream> std::string read_text(Stream& s, std::size_t size) {
  std::string text(size, '\0');
  s.read_exact(std::as_writable_bytes(std::span(text)));
  return text;
}

}  // namespace weft::test
