// SPDX-License-Identifier: BSL-1.0
// raw_proxy_epoll PORT UPSTREAM: bench/proxy_fiber.cpp as a bare epoll loop, edge-triggered, plain calls; what the others
// are held against. Each client has a connection upstream, one message under way, and a buffer for it.
#include "support/loopback.hpp"

#include <sys/epoll.h>

#include <array>
#include <exception>
#include <memory>
#include <stdexcept>
#include <vector>

namespace {

constexpr std::uint32_t edges = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

struct call;

// One of the two connections of a client, and what its last edges said.
struct end {
  call* of = nullptr;
  int fd = -1;
  bool readable = false, writable = false;
  bool broken = false;  // the peer sends no more: no edge tells of what is still there to be read
};

struct call {
  enum class step { connecting, reading, asking, hearing, answering };
  end client, server;
  step now = step::connecting;
  std::size_t size = 0, done = 0;  // of the message; of it, in this step
  bool over = false;
  std::array<char, 16384> bytes;
};

class proxy_loop {
 public:
  proxy_loop(int listener, std::uint16_t upstream) : listener_(listener), upstream_(bench::loopback(upstream)) {
    if (epoll_ < 0) bench::fail("epoll_create1");
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
          note(*static_cast<end*>(event.data.ptr), event.events);
      }
      over_.clear();  // not before: the batch may name both ends
    }
  }

 private:
  void watch(int fd, end* what, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = what;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) bench::fail("epoll_ctl");
  }

  void accept_all() {
    for (;;) {
      const int client = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (client < 0) {
        if (errno == EINTR || errno == ECONNABORTED) continue;
        return;
      }
      const int server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      if (server < 0) bench::fail("socket");
      bench::set_no_delay(client);
      bench::set_no_delay(server);
      if (connect(server, reinterpret_cast<const sockaddr*>(&upstream_), sizeof upstream_) != 0 &&
          errno != EINPROGRESS) {
        close(client);
        close(server);
        continue;
      }
      auto* const c = new call;
      c->client = {c, client};
      c->server = {c, server};
      watch(client, &c->client, edges);
      watch(server, &c->server, edges);
    }
  }

  void note(end& e, std::uint32_t events) {
    call& c = *e.of;
    if (c.over) return;
    e.readable |= (events & EPOLLIN) != 0;
    e.writable |= (events & EPOLLOUT) != 0;
    e.broken |= (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    while (!c.over && go_on(c)) {
    }
  }

  // One step of a call; false if it has to wait for an edge.
  bool go_on(call& c) {
    using step = call::step;
    switch (c.now) {
      case step::connecting:
        if (!c.server.writable && !c.server.broken) return false;
        c.now = step::reading;
        return true;
      case step::reading:
        c.size = receive(c.client, c.bytes.size());
        if (c.size == 0) return false;
        c.client.readable = c.size == c.bytes.size();  // a short read has drained the socket
        return begin(c, step::asking);
      case step::asking:
        return send_rest(c.server) && begin(c, step::hearing);
      case step::hearing:
        c.done += receive(c.server, c.size - c.done);
        c.server.readable = false;
        return c.done == c.size && begin(c, step::answering);
      case step::answering:
        return send_rest(c.client) && begin(c, step::reading);
    }
    return false;
  }

  static bool begin(call& c, call::step next) {
    c.now = next;
    c.done = 0;
    return true;
  }

  // Into the buffer, behind what is done; 0 if there was nothing or the connection is gone.
  std::size_t receive(end& from, std::size_t most) {
    call& c = *from.of;
    if (!from.readable && !from.broken) return 0;
    for (;;) {
      const ssize_t got = recv(from.fd, c.bytes.data() + c.done, most, 0);
      if (got > 0) return static_cast<std::size_t>(got);
      if (got < 0 && errno == EINTR) continue;
      if (got == 0 || errno != EAGAIN) drop(c);
      from.readable = false;
      return 0;
    }
  }

  bool send_rest(end& to) {
    call& c = *to.of;
    while (c.done < c.size) {
      const ssize_t sent = send(to.fd, c.bytes.data() + c.done, c.size - c.done, MSG_NOSIGNAL);
      if (sent < 0) {
        if (errno == EINTR) continue;
        if (errno != EAGAIN) drop(c);
        return false;
      }
      c.done += static_cast<std::size_t>(sent);
    }
    return true;
  }

  void drop(call& c) {
    close(c.client.fd);
    close(c.server.fd);
    c.over = true;
    over_.emplace_back(&c);
  }

  int listener_;
  sockaddr_in upstream_;
  int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::unique_ptr<call>> over_;
};

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) throw std::invalid_argument("usage: raw_proxy_epoll PORT UPSTREAM");
  proxy_loop(bench::listen_on(bench::port_argument(argc, argv)), bench::port_argument(argc - 1, argv + 1)).run();
} catch (const std::exception& error) {
  std::fprintf(stderr, "raw_proxy_epoll: %s\n", error.what());
  return 1;
}
