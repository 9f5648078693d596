// SPDX-License-Identifier: BSL-1.0
// What the tests of this room share: waiters without fibers, fds with their descriptors, and pairs of connected fds.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <weft/base/deadline.hpp>

#include "poll/descriptor.hpp"
#include "poll/epoll.hpp"

namespace weft::test {

using detail::descriptor;
using detail::direction;
using detail::epoll_poller;
using detail::outcome;
using detail::poller;
using detail::short_reads;
using detail::wait_duty;
using detail::wake_list;

inline constexpr std::int64_t no_end = deadline::limit;

// One that only counts how often it is unparked. As with any waiter, its wait is over when it was unparked, and not when
// its claim was won: the winner still reads the node then.
struct fake_waiter : detail::waiter {
  fake_waiter() noexcept
      : waiter([](waiter& self) noexcept {
          static_cast<fake_waiter&>(self).unparked.fetch_add(1, std::memory_order_release);
        }) {}

  // [fd-3]
  wait_duty begin(descriptor& d, direction which, descriptor::attempt seen) {
    ticket = word.arm();
    node.emplace(*this, ticket);
    return d.wait_begin(which, *node, seen);
  }
  [[nodiscard]] outcome result() const { return word.result(ticket); }
  [[nodiscard]] bool waiting() const { return result() == outcome::none; }

  std::atomic<int> unparked{0};
  detail::claim::ticket ticket = 0;
  std::optional<detail::wait_node> node;
};

// An fd with its life told to its descriptor.
class owned {
 public:
  explicit owned(int fd, short_reads trust = short_reads::mean_nothing) : fd_(fd) {
    REQUIRE(fd >= 0);
    wake_list nobody;
    state().open(trust, nobody);
  }
  ~owned() { close(); }
  owned(const owned&) = delete;
  owned& operator=(const owned&) = delete;

  void close() {
    if (fd_ < 0) return;
    wake_list woken;
    state().close(woken);
    ::close(std::exchange(fd_, -1));
    woken.unpark_all();
  }
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] descriptor& state() const { return descriptor::of(fd_); }
  descriptor* operator->() const { return &state(); }

 private:
  int fd_;
};

// Parks `w` on `f` after an attempt that began now and failed.
inline wait_duty wait_on(fake_waiter& w, const owned& f, direction which, poller& mine) {
  const auto seen = f->about_to_try(which);
  f->settle(mine, seen);
  return w.begin(f.state(), which, seen);
}

// What a worker does while it has nothing to run.
template <class Done> void serve_until(poller& mine, Done done) {
  while (!done()) {
    wake_list woken;
    mine.wait(no_end, woken);
    woken.unpark_all();
  }
}

// Delivers what is there already, twice: what was collected once is not reported again unless it is an edge.
inline void serve_now(poller& mine) {
  for (int i = 0; i < 2; ++i) {
    wake_list woken;
    mine.wait(0, woken);
    woken.unpark_all();
  }
}

inline std::array<int, 2> make_pipe() {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC) == 0);
  return ends;
}

inline std::array<int, 2> make_unix_pair() {
  std::array<int, 2> ends{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
  return ends;
}

// Two ends of a TCP connection over loopback.
inline std::array<int, 2> make_tcp_pair() {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof where;
  auto* const address = reinterpret_cast<sockaddr*>(&where);
  REQUIRE(::bind(listener, address, size) == 0);
  REQUIRE(::listen(listener, 1) == 0);
  REQUIRE(::getsockname(listener, address, &size) == 0);
  const int near = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(::connect(near, address, size) == 0);
  const int far = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  REQUIRE(far >= 0);
  ::fcntl(near, F_SETFL, O_NONBLOCK);
  ::close(listener);
  return {near, far};
}

// Writes until the kernel takes no more; how much it took.
inline std::size_t fill(int fd) {
  static const std::array<char, 4096> zeros{};
  std::size_t total = 0;
  for (std::size_t chunk = zeros.size(); chunk; chunk /= 2) {
    for (ssize_t n = 0; (n = ::write(fd, zeros.data(), chunk)) > 0;) total += static_cast<std::size_t>(n);
  }
  REQUIRE(errno == EAGAIN);
  return total;
}

// Reads until the kernel has no more; how much there was.
inline std::size_t drain(int fd) {
  std::array<char, 65536> buffer;
  std::size_t total = 0;
  for (ssize_t n = 0; (n = ::read(fd, buffer.data(), buffer.size())) > 0;) total += static_cast<std::size_t>(n);
  return total;
}

// A reader as the streams of the floors above are: one blocking-style read, with the short-read shortcut, that drives
// the poller itself where a fiber would park.
class reader {
 public:
  reader(const owned& from, poller& mine) : from_(from), mine_(&mine) {}

  // As recv(2); counts the system calls.
  ssize_t read(char* to, std::size_t size) {
    for (;;) {
      auto seen = from_->drained_since();
      if (!seen) {
        seen = from_->about_to_try(direction::read);
        ++calls;
        const ssize_t n = ::recv(from_.fd(), to, size, 0);
        if (n > 0 && static_cast<std::size_t>(n) < size) from_->note_short_read(seen);
        if (n >= 0 || errno != EAGAIN) return n;
      }
      from_->settle(*mine_, seen);
      fake_waiter me;
      if (me.begin(from_.state(), direction::read, seen) != wait_duty::park) continue;
      serve_until(*mine_, [&] { return me.unparked > 0; });
    }
  }
  std::string read_text(std::size_t size = 100) {
    std::string text(size, '\0');
    const ssize_t n = read(text.data(), size);
    text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return text;
  }
  // Not between a read and its wait.
  void move_to(poller& other) { mine_ = &other; }

  int calls = 0;

 private:
  const owned& from_;
  poller* mine_;
};

inline void send_text(int fd, const char* text, int flags = 0) {
  REQUIRE(::send(fd, text, std::strlen(text), flags | MSG_NOSIGNAL) == static_cast<ssize_t>(std::strlen(text)));
}

}  // namespace weft::test
