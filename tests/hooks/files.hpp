// SPDX-License-Identifier: BSL-1.0
// Files for scenarios: pairs of connected ones, closed at the end.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>
#include <utility>

namespace weft::test {

class fd {
 public:
  fd() = default;
  explicit fd(int number) : number_(number) {}
  fd(fd&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  fd& operator=(fd&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~fd() { close(); }

  operator int() const { return number_; }  // NOLINT: it stands where an fd is wanted
  void close() {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
  }
  int release() { return std::exchange(number_, -1); }

 private:
  int number_ = -1;
};

// Two ends: what is written to `out` is read from `in`; of sockets both do both.
struct ends {
  fd in, out;
};

inline ends make_pipe(int flags = 0) {
  int both[2] = {-1, -1};
  REQUIRE(::pipe2(both, flags | O_CLOEXEC) == 0);
  return {fd(both[0]), fd(both[1])};
}

inline ends make_pair(int type, int family = AF_UNIX) {
  int both[2] = {-1, -1};
  REQUIRE(::socketpair(family, type | SOCK_CLOEXEC, 0, both) == 0);
  return {fd(both[0]), fd(both[1])};
}

// The same by name, for loops over several kinds.
using maker = ends (*)();
inline ends a_pipe() { return make_pipe(); }
inline ends a_stream() { return make_pair(SOCK_STREAM); }
inline ends datagrams() { return make_pair(SOCK_DGRAM); }
inline ends records() { return make_pair(SOCK_SEQPACKET); }

// For waits that nothing ends but time.
inline constexpr timespec short_while{0, 2'000'000};

struct loopback {
  sockaddr_in at{};
  [[nodiscard]] sockaddr* get() { return reinterpret_cast<sockaddr*>(&at); }
  socklen_t size = sizeof(sockaddr_in);
};

// A socket bound to a port of its own; streams listen.
inline fd make_bound(int type, loopback& where, int backlog = 16) {
  fd made(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
  where.at.sin_family = AF_INET;
  where.at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::bind(made, where.get(), where.size) == 0);
  REQUIRE(::getsockname(made, where.get(), &where.size) == 0);
  if ((type & 0xf) == SOCK_STREAM) REQUIRE(::listen(made, backlog) == 0);
  return made;
}

// The address of nobody: its port was bound a moment ago.
inline loopback nobody() {
  loopback where;
  make_bound(SOCK_STREAM, where).close();
  return where;
}

// A terminal: `in` is the master's side, `out` the program's.
inline ends make_terminal(bool raw) {
  ends made{fd(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)), fd()};
  REQUIRE(made.in >= 0);
  REQUIRE(::grantpt(made.in) == 0);
  REQUIRE(::unlockpt(made.in) == 0);
  char name[64];
  REQUIRE(::ptsname_r(made.in, name, sizeof name) == 0);
  made.out = fd(::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
  REQUIRE(made.out >= 0);
  termios modes{};
  REQUIRE(::tcgetattr(made.out, &modes) == 0);
  if (raw) ::cfmakeraw(&modes);
  modes.c_lflag &= ~tcflag_t(ECHO);
  REQUIRE(::tcsetattr(made.out, TCSANOW, &modes) == 0);
  return made;
}

// With buffers that do not grow.
inline ends make_tcp() {
  loopback where;
  const fd listener = make_bound(SOCK_STREAM, where);
  fd near(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  constexpr int size = 100'000;
  for (const int name : {SO_SNDBUF, SO_RCVBUF}) {
    REQUIRE(::setsockopt(near, SOL_SOCKET, name, &size, sizeof size) == 0);
    REQUIRE(::setsockopt(listener, SOL_SOCKET, name, &size, sizeof size) == 0);
  }
  REQUIRE(::connect(near, where.get(), where.size) == 0);
  fd far(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
  REQUIRE(far >= 0);
  return {std::move(near), std::move(far)};
}

// What was read, or as much of it as says whether it is right.
inline std::string text_of(const void* buffer, ssize_t size) {
  if (size <= 0) return "nothing";
  return std::string("\"").append(static_cast<const char*>(buffer), std::size_t(size)) + "\"";
}

// A text in which each place differs from its neighbours.
inline std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = char('!' + (i * 7 + i / 90) % 90);
  return text;
}

inline void set_nonblocking(int file, bool on) {
  const int flags = ::fcntl(file, F_GETFL);
  REQUIRE(::fcntl(file, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) == 0);
}

// Writes until the file takes no more. Not for TCP, which takes a little more now and then.
inline void fill(int file) {
  const int flags = ::fcntl(file, F_GETFL);
  REQUIRE(::fcntl(file, F_SETFL, flags | O_NONBLOCK) == 0);
  const std::string much(1'000, 'x');
  while (::write(file, much.data(), much.size()) > 0 || ::write(file, much.data(), 1) > 0) {
  }
  REQUIRE(::fcntl(file, F_SETFL, flags) == 0);
}

}  // namespace weft::test
