// SPDX-License-Identifier: BSL-1.0
// The limits of a call on a socket: how many messages, how long, and a connection that has to be made first.
#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <string>
#include <vector>

#include "hooks/files.hpp"
#include "hooks/stage.hpp"

using namespace weft::test;

WEFT_SCENARIO("of more messages than one call sends it sends so many") {
  constexpr unsigned most = 1'024, more = most + 100;
  const ends files = make_pair(SOCK_STREAM);
  char sent = 'x', got = 0;
  iovec from{&sent, 1}, to{&got, 1};
  mmsghdr one_sent{}, one_got{};
  one_sent.msg_hdr.msg_iov = &from;
  one_got.msg_hdr.msg_iov = &to;
  one_sent.msg_hdr.msg_iovlen = one_got.msg_hdr.msg_iovlen = 1;
  std::vector<mmsghdr> out(more, one_sent), in(most, one_got);
  auto& receiver = s.start([&](transcript& says) { WEFT_CALL(says, recvmmsg, files.in, in.data(), most, 0, nullptr); });
  receiver.until_it_waits();
  auto& sender = s.start([&](transcript& says) { WEFT_CALL(says, sendmmsg, files.out, out.data(), more, 0); });
  sender.join();
  receiver.join();
}

WEFT_SCENARIO_OF_RACES("no message is sent behind a part of one") {
  const ends files = make_pair(SOCK_STREAM);
  constexpr timeval limit{0, 50'000};
  REQUIRE(::setsockopt(files.out, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0);
  std::string much = pattern(4'000'000);
  char byte = '!';
  iovec parts[2] = {{much.data(), much.size()}, {&byte, 1}};
  mmsghdr both[2]{};
  for (int i = 0; i < 2; ++i) {
    both[i].msg_hdr.msg_iov = &parts[i];
    both[i].msg_hdr.msg_iovlen = 1;
  }
  auto& sender = s.start([&](transcript& says) { WEFT_CALL(says, sendmmsg, files.out, both, 2, 0); });
  // Its time is over: now there is room for the other one.
  while (std::atomic_ref(both[0].msg_len).load() == 0) weft::this_fiber::yield();
  std::vector<char> room(1'000'000);
  while (::recv(files.in, room.data(), room.size(), MSG_DONTWAIT) > 0) {
  }
  sender.join();
  s.says().note(both[0].msg_len < much.size() ? "a part" : "all of it");
}

WEFT_SCENARIO("a recvmmsg with no time that there could be is refused") {
  const ends files = make_pair(SOCK_DGRAM);
  REQUIRE(::write(files.out, "x", 1) == 1);
  char got = 0;
  iovec into{&got, 1};
  mmsghdr one{};
  one.msg_hdr.msg_iov = &into;
  one.msg_hdr.msg_iovlen = 1;
  for (timespec wrong : {timespec{-1, 0}, {0, -1}, {0, 1'000'000'000}})
    WEFT_CALL(s.says(), recvmmsg, files.in, &one, 1, 0, &wrong);
}

WEFT_SCENARIO("a timeout that is longer than anything ends no wait") {
  const ends files = make_pair(SOCK_STREAM);
  constexpr timeval ages{10'000'000'000'000, 0};
  WEFT_CALL(s.says(), setsockopt, files.in, SOL_SOCKET, SO_RCVTIMEO, &ages, sizeof ages);
  auto& reader = s.start([&](transcript& says) {
    char byte = 0;
    WEFT_CALL(says, recv, files.in, &byte, 1, 0);
  });
  reader.until_it_waits();
  WEFT_CALL(s.says(), write, files.out, "x", 1);
  reader.join();
}

WEFT_SCENARIO("a sendto that connects first waits for the connection, and sends") {
  loopback where;
  const fd listener = make_bound(SOCK_STREAM, where), client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  WEFT_CALL(s.says(), sendto, client, "hello", 5, MSG_FASTOPEN, where.get(), where.size);
  const fd server(WEFT_OPEN(s.says(), accept, listener, nullptr, nullptr));
  char text[5];
  s.says().note(text_of(text, WEFT_CALL(s.says(), recv, server, text, 5, MSG_WAITALL)));
  loopback nowhere = nobody();
  const fd refused(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  WEFT_CALL(s.says(), sendto, refused, "hello", 5, MSG_FASTOPEN, nowhere.get(), nowhere.size);
  const fd impatient(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  WEFT_CALL(s.says(), sendto, impatient, "hello", 5, MSG_FASTOPEN, where.get(), where.size);
}

TEST_CASE("the time for a message begins anew with each of a recvmmsg") {
  using clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds length{100};
  constexpr timeval as_timeval{0, 100'000};
  weft::run(
      [&] {
        for (bool was_in_time = false; !was_in_time;) {
          const ends files = make_pair(SOCK_DGRAM);
          REQUIRE(::setsockopt(files.in, SOL_SOCKET, SO_RCVTIMEO, &as_timeval, sizeof as_timeval) == 0);
          clock::time_point begun;
          auto receiver = weft::spawn([&] {
            begun = clock::now();
            char got = 0;
            iovec into{&got, 1};
            mmsghdr two[2]{};
            for (mmsghdr& one : two) {
              one.msg_hdr.msg_iov = &into;
              one.msg_hdr.msg_iovlen = 1;
            }
            return ::recvmmsg(files.in, two, 2, 0, nullptr);
          });
          while (weft::stats().parked == 0 && !receiver.done()) weft::this_fiber::yield();
          REQUIRE(::write(files.out, "1", 1) == 1);
          was_in_time = clock::now() < begun + length;
          while (clock::now() < begun + 2 * length) {  // the worker is busy until the first one's time has passed
          }
          const auto taken = clock::now();
          pollfd first{files.in, POLLIN, 0};
          while (::poll(&first, 1, 0) == 1 && !receiver.done()) weft::this_fiber::yield();
          REQUIRE(::write(files.out, "2", 1) == 1);
          was_in_time = was_in_time && clock::now() < taken + length;
          const int received = receiver.join();
          if (was_in_time) CHECK(received == 2);
        }
      },
      {.workers = 1, .hog_threshold = {}});
}
