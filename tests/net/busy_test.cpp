// SPDX-License-Identifier: BSL-1.0
// Deadlines where nobody has looked at the poller for a while: what has come in time counts.
#include <doctest/doctest.h>
#include <poll.h>

#include <utility>
#include <vector>
#include <weft/net/pipe.hpp>
#include <weft/net/udp_socket.hpp>
#include <weft/net/wait.hpp>

#include "net/loopback.hpp"
#include "net/worlds.hpp"

using namespace weft::test;
using namespace weft::net;
using namespace std::chrono_literals;

namespace {

// The fd's number, learnt without native_handle(), which would make weft cautious.
template <class Socket> int number_of(Socket& s) {
  const int fd = s.release();
  s = Socket::adopt(fd);
  return fd;
}

void await_input(int fd) {
  pollfd file{fd, POLLIN, 0};
  CHECK(::poll(&file, 1, -1) == 1);
}

// `waits(until)`, on a fiber, is to say whether it came true. Once it waits, `happens` makes that come true, and its worker
// is kept busy until the deadline has passed.
template <class Waits, class Happens> void beside_a_hog(Waits waits, Happens happens) {
  bool in_time = false;
  while (!in_time) {
    const weft::deadline until = 20ms;
    bool begun = false;
    auto waiter = weft::spawn({.worker = 0}, [&] {
      begun = true;
      return waits(until);
    });
    auto hog = weft::spawn({.worker = 0}, [&] {
      while (!begun) weft::this_fiber::yield();
      happens();
      in_time = !until.passed();
      while (!until.passed()) {
      }
    });
    hog.join();
    const bool came = waiter.join();
    CHECK((came || !in_time));
  }
}

}  // namespace

TEST_CASE("a deadline in the past takes what has come since a short read, too") {
  in_both_worlds([](const world&) {
    tcp_pair p;
    const int fd = number_of(p.server);
    std::byte four[4];
    std::error_code ec;
    for (int i = 0; i < 3; ++i) {
      p.client.write_all("ab");
      await_input(fd);
      CHECK(p.server.read_some(four, 0s, ec) == 2);
    }
    p.client.write_all("c");
    await_input(fd);
    p.server.wait_readable(0s, ec);
    CHECK_FALSE(ec);
  });
}

TEST_CASE("what has come before the deadline is read, although the worker was busy until then") {
  on_fibers([](const world&) {
    std::byte one[1];
    std::error_code ec;
    tcp_pair p;
    const int fd = number_of(p.server);
    const auto write = [&] {
      p.client.write_all("x");
      await_input(fd);
    };
    beside_a_hog([&](weft::deadline until) { return p.server.read_some(one, until, ec) == 1; }, write);
    beside_a_hog(
        [&](weft::deadline until) {
          p.server.wait_readable(until, ec);
          return !ec && p.server.try_read_some(one, ec) == 1;
        },
        write);
    beside_a_hog([&](weft::deadline until) { return wait_readable(fd, until); }, write);

    auto [out, in] = pipe();
    beside_a_hog([&, &out = out](weft::deadline until) { return out.read_some(one, until, ec) == 1; },
                 [&in = in] { in.write_all("x"); });

    udp_socket from(any_port()), to(any_port());
    beside_a_hog([&](weft::deadline until) { return to.receive_from(one, until, ec).first == 1; },
                 [&] { from.send_to("x", to.local()); });
  });
}

TEST_CASE("who has come before the deadline is accepted, and a connection that stands is kept") {
  on_fibers([](const world&) {
    std::error_code ec;
    tcp_listener listener(any_port());
    std::vector<tcp_stream> clients;
    beside_a_hog([&](weft::deadline until) { return listener.accept(until, ec).is_open(); },
                 [&] { clients.push_back(tcp_stream::connect(listener.local())); });
    const auto nothing = [] {};  // the kernel is enough
    beside_a_hog([&](weft::deadline until) { return tcp_stream::connect(listener.local(), until, ec).is_open(); },
                 nothing);
    const std::vector<address> several = {listener.local(), listener.local()};
    beside_a_hog([&](weft::deadline until) { return tcp_stream::connect(several, until, ec).is_open(); }, nothing);
  });
}
