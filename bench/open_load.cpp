// SPDX-License-Identifier: BSL-1.0
// open_load PORT PID CONNECTIONS RATE SECONDS: what a client waits for while one request in a hundred computes for 5 ms.
//
// An open loop: RATE requests a second, each at its time, whether the earlier ones have been answered or not, dealt out to
// the connections in turn. A latency is counted from the time at which the request was due, not from when it could be sent:
// otherwise a server that stalls would be asked less, and the wait of those it kept from asking would be seen by nobody.
// Prints a name and value a line; exits with 1 when an answer was wrong or the server could not keep up.
#include "support/computing.hpp"
#include "support/histogram.hpp"
#include "support/loopback.hpp"
#include "support/process_time.hpp"

#include <sys/epoll.h>

#include <cstring>
#include <deque>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using bench::cpu_of;
using bench::now;
using bench::request;

constexpr std::uint64_t every = 100;       // so many requests, of which one computes
constexpr std::size_t most_open = 20'000;  // requests without an answer: more, and the server cannot keep up
constexpr std::uint64_t patience = 5'000'000'000;

// How many rounds of the computation take 5 ms here.
std::uint64_t five_milliseconds() {
  std::uint64_t rounds = 100'000;
  for (;; rounds *= 2) {
    const std::uint64_t begun = now();
    [[maybe_unused]] volatile const std::uint64_t needed = bench::computed(rounds);  // or nothing would be computed
    const std::uint64_t took = now() - begun;
    if (took > 2'000'000) return rounds * 5'000'000 / took;
  }
}

struct connection {
  struct open {
    std::uint64_t due;
    request asked;
  };

  int fd = -1;
  std::deque<open> waiting;
  request answer{};
  std::size_t got = 0;  // bytes of the answer
};

class generator {
 public:
  generator(std::uint16_t port, std::size_t connections)
      : epoll_(epoll_create1(EPOLL_CLOEXEC)),
        rounds_(five_milliseconds()),
        result_(bench::computed(rounds_)),
        connections_(connections) {
    if (epoll_ < 0) bench::fail("epoll_create1");
    for (connection& c : connections_) connect_to(c, port);
  }

  // `rate` requests a second for so many nanoseconds, and the answers to all of them.
  void run(std::uint64_t rate, std::uint64_t length) {
    const std::uint64_t begun = now(), end = begun + length;
    std::uint64_t asked = 0;
    const std::uint64_t all = rate * length / 1'000'000'000;
    while (asked < all || open_ > 0) {
      const std::uint64_t time = now();
      for (; asked < all && begun + asked * 1'000'000'000 / rate <= time; ++asked)
        ask(begun + asked * 1'000'000'000 / rate);
      if (time > end + patience) throw std::runtime_error("the server left requests without an answer");
      receive();
    }
  }

  bench::histogram times;

 private:
  void connect_to(connection& c, std::uint16_t port) const {
    c.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c.fd < 0) bench::fail("socket");
    const sockaddr_in address = bench::loopback(port);
    if (connect(c.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) bench::fail("connect");
    bench::set_no_delay(c.fd);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &c;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, c.fd, &event) != 0) bench::fail("epoll_ctl");
  }

  void ask(std::uint64_t due) {
    connection& c = connections_[number_ % connections_.size()];
    request r{};
    r.number = ++number_;
    r.rounds = random_() % every == 0 ? rounds_ : 0;
    if (++open_ > most_open) throw std::runtime_error("the server cannot keep up");
    if (send(c.fd, &r, sizeof r, MSG_NOSIGNAL | MSG_DONTWAIT) != sizeof r) bench::fail("send");
    c.waiting.push_back({due, r});
  }

  void receive() {
    epoll_event events[256];
    const int ready =
        epoll_wait(epoll_, events, 256, 0);  // never sleeps: a wake-up would be late, and this core is ours
    for (int i = 0; i < ready; ++i) read(*static_cast<connection*>(events[i].data.ptr));
  }

  void read(connection& c) {
    for (;;) {
      const ssize_t n = recv(c.fd, reinterpret_cast<char*>(&c.answer) + c.got, sizeof c.answer - c.got, MSG_DONTWAIT);
      if (n < 0 && errno == EAGAIN) return;
      if (n < 0) bench::fail("recv");
      if (n == 0) throw std::runtime_error("the server closed a connection");
      c.got += static_cast<std::size_t>(n);
      if (c.got < sizeof c.answer) continue;
      c.got = 0;
      if (c.waiting.empty()) throw std::runtime_error("an answer that nobody asked for");
      const connection::open first = c.waiting.front();
      c.waiting.pop_front();
      --open_;
      if (c.answer.number != first.asked.number ||
          c.answer.result != (first.asked.rounds ? result_ : bench::computed(0)))
        throw std::runtime_error("a wrong answer");
      times.add(now() - first.due);
    }
  }

  int epoll_;
  std::uint64_t rounds_, result_;
  std::vector<connection> connections_;
  std::mt19937_64 random_{1};  // the same requests for everybody
  std::uint64_t number_ = 0;
  std::size_t open_ = 0;
};

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 6) throw std::invalid_argument("usage: open_load PORT PID CONNECTIONS RATE SECONDS");
  generator load(static_cast<std::uint16_t>(std::stoul(argv[1])), std::stoul(argv[3]));
  const std::uint64_t rate = std::stoul(argv[4]);
  const auto length = static_cast<std::uint64_t>(std::stod(argv[5]) * 1e9);
  load.run(rate, length / 5);
  load.times = {};
  const std::uint64_t before = cpu_of(argv[2]), begun = now();
  load.run(rate, length);
  const std::uint64_t cpu = cpu_of(argv[2]) - before, took = now() - begun;
  const auto answers = static_cast<double>(load.times.total());
  if (answers == 0) throw std::runtime_error("nothing was asked");
  const auto at = [&](double part) { return static_cast<double>(load.times.quantile(part)) / 1e3; };
  std::printf("total %.0f\ncpu %.4f\nrps %.1f\np50 %.2f\np99 %.2f\np999 %.2f\np9999 %.2f\n", answers,
              static_cast<double>(cpu) / answers / 1e3, answers / static_cast<double>(took) * 1e9, at(0.50), at(0.99),
              at(0.999), at(0.9999));
} catch (const std::exception& error) {
  std::fprintf(stderr, "open_load: %s\n", error.what());
  return 1;
}
