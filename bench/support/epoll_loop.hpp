// SPDX-License-Identifier: BSL-1.0
// The floor of every serving figure: one thread, one epoll instance, edge-triggered, plain calls, nothing of weft.
//
// It does what a specialist would write by hand. Each descriptor is registered once, for both directions. A readable
// connection is read until a short read, which says that the socket is drained unless the peer has shut down. One buffer
// serves all connections, or each has its own (then the comparison with servers that need one each is about all else).
// What a send does not take is copied and sent at the next edge; until then nothing more is read from that peer.
#pragma once

#include "loopback.hpp"

#include <sys/epoll.h>

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace bench {

struct reply {
  std::string_view bytes;  // valid until the next read
  bool keep_alive = true;
};

// Peer is default constructible, one per connection: `reply operator()(std::string_view input)`.
template <class Peer> class epoll_loop {
 public:
  epoll_loop(int listener, std::size_t buffer_size, bool buffer_each)
      : listener_(listener),
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        size_(buffer_size),
        buffer_each_(buffer_each),
        shared_(std::make_unique<char[]>(buffer_size)) {
    if (epoll_ < 0) fail("epoll_create1");
    watch(listener_, nullptr, EPOLLIN | EPOLLET);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 512> events;
    for (;;) {
      const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        if (event.data.ptr == nullptr)
          accept_all();
        else
          serve(static_cast<connection*>(event.data.ptr), event.events);
      }
    }
  }

 private:
  struct connection {
    int fd = -1;
    bool closing = false;  // the last answer was given: what still comes is dropped until the peer closes
    std::string pending;   // what a send did not take
    std::unique_ptr<char[]> own;
    Peer peer;
  };

  void watch(int fd, connection* what, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = what;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
  }

  void accept_all() {
    for (;;) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) {
        if (errno == EINTR || errno == ECONNABORTED) continue;
        return;
      }
      set_no_delay(fd);
      auto* const made = new connection;
      made->fd = fd;
      if (buffer_each_) made->own = std::make_unique_for_overwrite<char[]>(size_);
      watch(fd, made, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
    }
  }

  static void drop(connection* c) {
    close(c->fd);
    delete c;
  }

  void serve(connection* c, std::uint32_t events) {
    if (!c->pending.empty() && !flush(c)) return;
    char* const buffer = c->own ? c->own.get() : shared_.get();
    for (;;) {
      const ssize_t got = recv(c->fd, buffer, size_, 0);
      if (got <= 0) {
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == EAGAIN) return;
        return drop(c);
      }
      if (!c->closing) {
        const reply answer = c->peer(std::string_view(buffer, static_cast<std::size_t>(got)));
        c->closing = !answer.keep_alive;
        if (!answer.bytes.empty() && !send_or_keep(c, answer.bytes)) return;
        if (c->closing) shutdown(c->fd, SHUT_WR);
      }
      if (static_cast<std::size_t>(got) < size_ && (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == 0) return;
    }
  }

  // False: not all was taken, or the connection is gone; do not go on.
  bool send_or_keep(connection* c, std::string_view bytes) {
    for (;;) {
      const ssize_t sent = send(c->fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent == static_cast<ssize_t>(bytes.size())) return true;
      if (sent < 0 && errno != EAGAIN) {
        if (errno == EINTR) continue;
        drop(c);
        return false;
      }
      if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
      if (sent < 0) break;
    }
    c->pending = bytes;
    return false;
  }

  bool flush(connection* c) {
    const std::string pending = std::move(c->pending);
    c->pending.clear();
    if (!send_or_keep(c, pending)) return false;
    if (c->closing) shutdown(c->fd, SHUT_WR);
    return true;
  }

  int listener_;
  int epoll_;
  std::size_t size_;
  bool buffer_each_;
  std::unique_ptr<char[]> shared_;
};

}  // namespace bench
