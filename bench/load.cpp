// SPDX-License-Identifier: BSL-1.0
// load PORT PID CONNECTIONS BYTES SECONDS: drives an echo server on loopback and says what a message cost it.
//
// A closed loop: each connection sends a message, waits until all of it has come back, compares it, sends the next.
// After a warm-up of a fifth of the time, and of a turn of every connection, the CPU time of the process PID is read at
// both ends of the window in which messages are counted. Prints a name and value a line; exits with 1 when a byte was
// wrong or a connection was lost.
#include "support/histogram.hpp"
#include "support/loopback.hpp"
#include "support/process_time.hpp"

#include <sys/epoll.h>

#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using bench::cpu_of;
using bench::now;

constexpr std::size_t at_once = 1'000;  // connections that wait to be accepted
constexpr std::uint64_t patience = 20'000'000'000;

struct connection {
  int fd = -1;
  std::size_t sent = 0;
  std::size_t got = 0;
  std::uint64_t tag = 0;  // the first bytes of the message, so that no other can pass for it
  std::uint64_t begun = 0;
};

class generator {
 public:
  generator(std::uint16_t port, std::size_t connections, std::size_t bytes)
      : epoll_(epoll_create1(EPOLL_CLOEXEC)), message_(bytes, 'x'), input_(bytes + 1), connections_(connections) {
    if (epoll_ < 0) bench::fail("epoll_create1");
    for (std::size_t first = 0; first < connections; first += at_once) open(first, port);
  }

  // Every connection begins to ask, and asks again as soon as it has its answer. Until `end` at least, and until each
  // has had a turn on average.
  void warm_up(std::uint64_t end) {
    looping_ = true;
    for (connection& c : connections_) ask(c);
    go_on(end);
  }

  // Counts what comes back until `end`, and for a turn of all again: a server that reads from all before it answers any
  // would else be judged by a part of its work.
  void measure(std::uint64_t end) {
    counting_ = true;
    go_on(end);
  }

  bench::histogram times;
  std::uint64_t total = 0;  // messages that came back, counted or not

 private:
  // Some of the connections. Those before have been answered: a server that accepts slowly would else have more of them
  // waiting than its backlog holds, and what does not fit tries again after seconds, in which nobody is served.
  void open(std::size_t first, std::uint16_t port) {
    const std::size_t last = std::min(first + at_once, connections_.size());
    for (std::size_t i = first; i < last; ++i) {
      connect_to(connections_[i], port);
      ask(connections_[i]);
    }
    expect_total(last);
  }

  void connect_to(connection& c, std::uint16_t port) const {
    c.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c.fd < 0) bench::fail("socket");
    const sockaddr_in address = bench::loopback(port);
    if (connect(c.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) bench::fail("connect");
    bench::set_no_delay(c.fd);
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLET;
    event.data.ptr = &c;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, c.fd, &event) != 0) bench::fail("epoll_ctl");
  }

  void go_on(std::uint64_t end) {
    const std::uint64_t turn = total + connections_.size();
    while (now() < end) receive();
    expect_total(turn);
  }

  void receive() {
    epoll_event events[256];
    const int ready = epoll_wait(epoll_, events, 256, 100);
    for (int i = 0; i < ready; ++i) advance(*static_cast<connection*>(events[i].data.ptr));
  }

  void expect_total(std::uint64_t messages) {
    const std::uint64_t end = now() + patience;
    while (total < messages) {
      receive();
      if (now() > end) throw std::runtime_error("the server left messages without an answer");
    }
  }

  void ask(connection& c) {
    c.sent = c.got = 0;
    c.tag = ++tags_;
    c.begun = now();
    send_rest(c);
  }

  // The message as this connection sent it: what all share but the tag.
  const char* message(const connection& c) {
    std::memcpy(message_.data(), &c.tag, std::min(sizeof c.tag, message_.size()));
    return message_.data();
  }

  void send_rest(connection& c) {
    while (c.sent != message_.size()) {
      const ssize_t n = send(c.fd, message(c) + c.sent, message_.size() - c.sent, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0 && errno == EAGAIN) return;
      if (n < 0) bench::fail("send");
      c.sent += static_cast<std::size_t>(n);
    }
  }

  void advance(connection& c) {
    send_rest(c);
    for (;;) {
      const ssize_t n = recv(c.fd, input_.data(), input_.size(), MSG_DONTWAIT);
      if (n < 0 && errno == EAGAIN) return;
      if (n < 0) bench::fail("recv");
      const auto got = static_cast<std::size_t>(n);
      if (got == 0) throw std::runtime_error("the server closed a connection");
      if (c.got + got > c.sent || std::memcmp(input_.data(), message(c) + c.got, got) != 0) {
        throw std::runtime_error("the server sent what it did not get");
      }
      c.got += got;
      if (c.got == message_.size()) {
        if (counting_) times.add(now() - c.begun);
        ++total;
        if (looping_) ask(c);
      }
      if (got < input_.size()) return;  // always, since there is room for one byte more: a new edge tells of more
    }
  }

  int epoll_;
  std::string message_;
  std::vector<char> input_;
  std::vector<connection> connections_;
  std::uint64_t tags_ = 0;
  bool looping_ = false;  // an answer is followed by the next message
  bool counting_ = false;
};

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 6) throw std::invalid_argument("usage: load PORT PID CONNECTIONS BYTES SECONDS");
  const std::string pid = argv[2];
  generator load(static_cast<std::uint16_t>(std::stoul(argv[1])), std::stoul(argv[3]), std::stoul(argv[4]));
  const auto length = static_cast<std::uint64_t>(std::stod(argv[5]) * 1e9);
  load.warm_up(now() + length / 5);
  const std::uint64_t cpu_before = cpu_of(pid), begun = now();
  load.measure(begun + length);
  const std::uint64_t took = now() - begun,
                      cpu = cpu_of(pid) - cpu_before;  // a file of each thread: that takes a while
  const auto messages = static_cast<double>(load.times.total());
  std::printf("total %.0f\ncpu %.4f\nrps %.1f\np50 %.2f\np99 %.2f\np999 %.2f\n", static_cast<double>(load.total),
              static_cast<double>(cpu) / messages / 1e3, messages / static_cast<double>(took) * 1e9,
              static_cast<double>(load.times.quantile(0.50)) / 1e3,
              static_cast<double>(load.times.quantile(0.99)) / 1e3,
              static_cast<double>(load.times.quantile(0.999)) / 1e3);
} catch (const std::exception& error) {
  std::fprintf(stderr, "load: %s\n", error.what());
  return 1;
}
