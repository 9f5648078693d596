// SPDX-License-Identifier: BSL-1.0
// Datagrams on the loopback.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <set>
#include <string>
#include <vector>
#include <weft/net/udp_socket.hpp>

#include "net/loopback.hpp"
#include "net/worlds.hpp"

using namespace weft::test;
using namespace weft::net;
using namespace std::chrono_literals;
using weft::timed_out;

namespace {

struct udp_pair {
  udp_socket one{any_port()}, other{any_port()};
};

std::string text_from(udp_socket& s, address* from = nullptr) {
  std::byte buffer[256];
  const auto [size, who] = s.receive_from(buffer, 20s);
  if (from) *from = who;
  return text_of(std::span(buffer, size));
}

}  // namespace

TEST_CASE("a datagram arrives whole, with the address of who sent it, and can be answered") {
  in_both_worlds([](const world&) {
    udp_pair p;
    CHECK(p.one.send_to("hello", p.other.local()) == 5);
    address from;
    CHECK(text_from(p.other, &from) == "hello");
    CHECK(from == p.one.local());
    CHECK(p.other.send_to("", from) == 0);
    CHECK(text_from(p.one).empty());  // an empty one is one, and no end
    CHECK(p.other.send_to("again", from) == 5);
    CHECK(text_from(p.one) == "again");
  });
}

TEST_CASE("who receives waits, and is woken by a datagram, a deadline, a close or a cancellation") {
  in_both_worlds([](const world& w) {
    udp_pair p;
    auto receiver = w.start([&] { CHECK(text_from(p.other) == "woken"); });
    w.until_waiting(1);
    p.one.send_to("woken", p.other.local());
    receiver.join();

    std::byte one[1];
    CHECK_THROWS_AS(static_cast<void>(p.one.receive_from(one, 5ms)), timed_out);
    CHECK_THROWS_AS(static_cast<void>(p.one.receive_from(one, -1s)), timed_out);
    std::error_code ec;
    CHECK(p.one.receive_from(one, 5ms, ec).first == 0);
    CHECK(ec == std::errc::timed_out);
    CHECK_THROWS_AS(p.one.wait_readable(5ms), timed_out);

    auto closed = w.start([&] {
      const auto e = error_of([&] { static_cast<void>(p.one.receive_from(one)); });
      CHECK(e.code() == std::errc::operation_canceled);
    });
    w.until_waiting(1);
    p.one.close();
    closed.join();
    const auto e = error_of([&] { static_cast<void>(p.one.receive_from(one)); });
    CHECK(e.code() == std::errc::bad_file_descriptor);
    CHECK(contains(e.what(), "receive at a udp socket that is not open"));
    CHECK_THROWS_AS(p.one.send_to("x", p.other.local()), std::system_error);
    CHECK_THROWS_AS(static_cast<void>(p.one.local()), std::system_error);
    if (!w.has_fibers()) return;
    auto cancelled = w.start([&] {
      CHECK_THROWS_AS(static_cast<void>(p.other.receive_from(one)), weft::cancelled);
      CHECK_THROWS_AS(static_cast<void>(p.other.receive_from(one, ec)), weft::cancelled);
      CHECK_THROWS_AS(p.other.send_to("x", p.other.local()), weft::cancelled);
    });
    w.until_waiting(1);
    cancelled.fiber().cancel();
    cancelled.join();
    // What was cancelled has taken nothing.
    p.other.send_to("still here", p.other.local());
    CHECK(text_from(p.other) == "still here");
  });
}

TEST_CASE("a datagram that does not fit is cut: message_size says so, and the next is whole again") {
  in_both_worlds([](const world&) {
    udp_pair p;
    std::byte four[4];
    p.one.send_to("too long", p.other.local());
    p.one.send_to("next", p.other.local());
    p.other.wait_readable(20s);
    std::error_code ec;
    const auto [size, from] = p.other.receive_from(four, 20s, ec);
    CHECK(ec == std::errc::message_size);
    CHECK(text_of(std::span(four, size)) == "too ");
    CHECK(from == p.one.local());
    CHECK(text_from(p.other) == "next");
    p.one.send_to("too long", p.other.local());
    const auto e = error_of([&] { static_cast<void>(p.other.receive_from(four, 20s)); });
    CHECK(e.code() == std::errc::message_size);
    const std::vector<std::byte> huge(70'000);
    const auto refused = error_of([&] { p.one.send_to(huge, p.other.local()); });
    CHECK(refused.code() == std::errc::message_size);
    CHECK(contains(refused.what(), "send from udp " + to_string(p.one.local()) + " to " + to_string(p.other.local())));
  });
}

TEST_CASE("several receive at one socket: each datagram goes to one of them, and a close wakes all") {
  in_both_worlds([](const world& w) {
    udp_pair p;
    constexpr std::size_t receivers = 4, each = 25;
    std::vector<actor> all;
    std::vector<std::vector<std::string>> got(receivers);
    for (std::size_t i = 0; i < receivers; ++i) {
      all.push_back(w.start([&, i] {
        std::byte buffer[64];
        std::error_code ec;
        for (;;) {
          const auto size = p.other.receive_from(buffer, ec).first;
          if (ec) break;
          got[i].push_back(text_of(std::span(buffer, size)));
          p.other.send_to("got it", p.one.local());
        }
        CHECK(ec == std::errc::operation_canceled);
      }));
    }
    for (std::size_t i = 0; i < receivers * each; ++i) {
      p.one.send_to(std::to_string(i), p.other.local());
      CHECK(text_from(p.one) == "got it");
    }
    w.until_waiting(receivers);
    p.other.close();
    for (auto& a : all) a.join();
    std::set<std::string> distinct;
    std::size_t count = 0;
    for (const auto& part : got) {
      distinct.insert(part.begin(), part.end());
      count += part.size();
    }
    CHECK(count == receivers * each);
    CHECK(distinct.size() == receivers * each);
  });
}

TEST_CASE("a connected socket sends to its peer, hears nobody else, and hears that nobody is there") {
  in_both_worlds([](const world&) {
    udp_pair p;
    udp_socket stranger(any_port());
    p.one.connect(p.other.local());
    CHECK(p.one.remote() == p.other.local());
    CHECK(p.one.send("to you") == 6);
    CHECK(text_from(p.other) == "to you");
    stranger.send_to("psst", p.one.local());
    p.other.send_to("for you", p.one.local());
    std::byte buffer[64];
    CHECK(p.one.receive(buffer, 20s) == 7);
    CHECK_THROWS_AS(static_cast<void>(p.one.receive(buffer, 5ms)), timed_out);

    p.other.close();
    p.one.send("anybody?");
    CHECK(error_of([&] { static_cast<void>(p.one.receive(buffer, 20s)); }).code() == std::errc::connection_refused);

    p.one.connect(address());  // everybody again
    CHECK(p.one.remote() == address());
    stranger.send_to("now?", p.one.local());
    CHECK(text_from(p.one) == "now?");
    CHECK(error_of([&] { p.one.send("to whom?"); }).code() == std::errc::destination_address_required);
    std::error_code ec;
    CHECK(p.one.send("to whom?", ec) == 0);
    CHECK(ec == std::errc::destination_address_required);
    CHECK(p.one.send("to whom?", 20s, ec) == 0);
    CHECK(ec == std::errc::destination_address_required);
  });
}

TEST_CASE("a deadline counts although the socket keeps an error that nobody asks for") {
  in_both_worlds([](const world&) {
    udp_pair p;
    const int on = 1;
    CHECK(::setsockopt(p.one.native_handle(), IPPROTO_IP, IP_RECVERR, &on, sizeof on) == 0);
    p.one.connect(p.other.local());
    p.other.close();
    p.one.send("anybody?");
    std::byte buffer[64];
    CHECK(error_of([&] { static_cast<void>(p.one.receive(buffer, 20s)); }).code() == std::errc::connection_refused);
    // To poll(2) the queue of errors is an error for as long as it is not read.
    CHECK_THROWS_AS(static_cast<void>(p.one.receive(buffer, 5ms)), timed_out);
  });
}

TEST_CASE("addresses that are none, or taken, are refused by name") {
  in_both_worlds([](const world&) {
    udp_socket taken(any_port());
    const auto e = error_of([&] { const udp_socket second(taken.local()); });
    CHECK(e.code() == std::errc::address_in_use);
    CHECK(contains(e.what(), "udp socket at " + to_string(taken.local())));
    std::error_code ec;
    CHECK_FALSE(udp_socket(taken.local(), ec).is_open());
    CHECK(ec == std::errc::address_in_use);
    CHECK_FALSE(udp_socket(address(), ec).is_open());
    CHECK(ec == std::errc::address_family_not_supported);
    CHECK_FALSE(udp_socket(address::parse("unix:/x"), ec).is_open());
    const udp_socket first(any_port(), {.reuse_port = true});
    const udp_socket second(first.local(), {.reuse_port = true});
    CHECK(second.is_open());
    udp_socket none;
    CHECK(none.send_to("x", taken.local(), ec) == 0);
    CHECK(ec == std::errc::bad_file_descriptor);
  });
}

TEST_CASE("a blocking udp socket is adopted as it is, and nothing else") {
  in_both_worlds([](const world& w) {
    udp_socket other(any_port());
    const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    REQUIRE(fd >= 0);
    udp_socket adopted = udp_socket::adopt(fd);
    CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0);
    adopted.send_to("hello", other.local());
    address who;
    CHECK(text_from(other, &who) == "hello");
    auto receiver = w.start([&] { CHECK(text_from(adopted) == "back"); });
    w.until_waiting(1);
    other.send_to("back", who);
    receiver.join();
    const int given_back = adopted.release();
    CHECK(given_back == fd);
    CHECK_FALSE(adopted.is_open());
    ::close(fd);

    std::error_code ec;
    tcp_listener listener(any_port());
    CHECK_FALSE(udp_socket::adopt(listener.native_handle(), ec).is_open());
    CHECK(ec == std::errc::wrong_protocol_type);
    CHECK_FALSE(udp_socket::adopt(-1, ec).is_open());
    CHECK(ec == std::errc::bad_file_descriptor);
    CHECK_THROWS_AS(static_cast<void>(udp_socket::adopt(listener.native_handle())), std::system_error);
  });
}
