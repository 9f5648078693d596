// SPDX-License-Identifier: BSL-1.0
// A server under test, and what it says on stderr.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>

#include <string>
#include <utility>
#include <weft/net/serve.hpp>

#include "net/loopback.hpp"
#include "net/worlds.hpp"

namespace weft::test {

inline void echo(net::tcp_stream s) {
  std::byte piece[1024];
  while (const auto count = s.read_some(piece)) s.write_all(std::span(piece, count));
}

// A server on a fiber of its own.
class running {
 public:
  template <class Handler>
  explicit running(Handler handler, net::serve_options with = {})
      : listener_(any_port()), server_(weft::spawn([this, handler, with] { net::serve(listener_, handler, with); })) {}

  [[nodiscard]] net::address where() const { return listener_.local(); }
  [[nodiscard]] net::tcp_stream connect() const { return net::tcp_stream::connect(where()); }
  net::tcp_listener& listener() { return listener_; }
  // Cancels it; what serve throws then is `cancelled`, and nothing else.
  void stop() {
    server_.cancel();
    CHECK(error_of([&] { server_.join(); }).code() == std::errc::operation_canceled);
  }
  weft::fiber<void>& server() { return server_; }

 private:
  net::tcp_listener listener_;
  weft::fiber<void> server_;
};

inline std::string ask(net::tcp_stream& s, const std::string& question) {
  s.write_all(question);
  return read_text(s, question.size());
}

// What is written to stderr while this lives.
class stderr_capture {
 public:
  stderr_capture() : file_(::memfd_create("stderr", MFD_CLOEXEC)), before_(::fcntl(2, F_DUPFD_CLOEXEC, 0)) {
    ::dup2(file_, 2);
  }
  stderr_capture(const stderr_capture&) = delete;
  stderr_capture& operator=(const stderr_capture&) = delete;
  ~stderr_capture() {
    ::dup2(before_, 2);
    ::close(before_);
    ::close(file_);
  }
  [[nodiscard]] std::string text() const {
    char piece[4096];
    const auto size = ::pread(file_, piece, sizeof piece, 0);
    return {piece, static_cast<std::size_t>(size)};
  }

 private:
  const int file_, before_;
};

}  // namespace weft::test
