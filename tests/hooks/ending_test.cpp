// SPDX-License-Identifier: BSL-1.0
// What is said of a socket that has come to an end: by shutdown(2), or by an error.
#include <doctest/doctest.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "hooks/files.hpp"
#include "hooks/stage.hpp"

using namespace weft::test;

namespace {

ends make_udp() {
  loopback near, far;
  ends made{make_bound(SOCK_DGRAM, near), make_bound(SOCK_DGRAM, far)};
  REQUIRE(::connect(made.in, far.get(), far.size) == 0);
  REQUIRE(::connect(made.out, near.get(), near.size) == 0);
  return made;
}

}  // namespace

WEFT_SCENARIO("a shutdown ends the wait for a datagram, and every later one") {
  for (const maker make : {&make_udp, &datagrams, &records}) {
    const ends files = make();
    char byte = 'x';
    iovec parts[2] = {{&byte, 1}, {nullptr, 0}};
    auto& reader = s.start([&](transcript& says) {
      WEFT_CALL(says, recv, files.in, &byte, 1, 0);
      WEFT_CALL(says, read, files.in, &byte, 1);
      WEFT_CALL(says, readv, files.in, parts, 2);
      sockaddr_storage from{};
      socklen_t size = sizeof from;
      WEFT_CALL(says, recvfrom, files.in, &byte, 1, 0, reinterpret_cast<sockaddr*>(&from), &size);
      says.note("name of " + std::to_string(size));
      msghdr one{};
      one.msg_iov = parts;
      one.msg_iovlen = 1;
      WEFT_CALL(says, recvmsg, files.in, &one, MSG_PEEK);
      mmsghdr several[2] = {{one, 7}, {one, 7}};
      WEFT_CALL(says, recvmmsg, files.in, several, 2, 0, nullptr);
      says.note("messages of " + std::to_string(several[0].msg_len) + " and " + std::to_string(several[1].msg_len));
      WEFT_CALL(says, recvmmsg, files.in, several, 2, MSG_WAITFORONE, nullptr);
    });
    reader.until_it_waits();
    WEFT_CALL(s.says(), shutdown, files.in, SHUT_RD);
    reader.join();
  }
}

WEFT_SCENARIO("a shutdown ends the wait for a datagram from anybody") {
  loopback where;
  const fd socket = make_bound(SOCK_DGRAM, where);
  char byte = 'x';
  auto& reader = s.start([&](transcript& says) { WEFT_CALL(says, recvfrom, socket, &byte, 1, 0, nullptr, nullptr); });
  reader.until_it_waits();
  WEFT_CALL(s.says(), shutdown, socket, SHUT_RDWR);
  reader.join();
}

WEFT_SCENARIO("a reset in the middle of a call is told by the next one") {
  const auto reset = [](fd& file) {
    constexpr linger at_once{1, 0};
    REQUIRE(::setsockopt(file, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
    file.close();
  };
  const std::string text = pattern(2'000'000);
  const auto note_part = [](transcript& says, ssize_t size) {
    says.instead(size > 0 && size < 2'000'000 ? "a part" : "not a part");
  };
  char buffer[10];
  const auto read = [&](transcript& says, int file) { WEFT_CALL(says, read, file, buffer, 10); };
  const std::vector<std::function<void(transcript&, int)>> ways{
      [&](transcript& says, int file) { note_part(says, WEFT_CALL(says, write, file, text.data(), text.size())); },
      [&](transcript& says, int file) { note_part(says, WEFT_CALL(says, send, file, text.data(), text.size(), 0)); },
      [&](transcript& says, int file) { WEFT_CALL(says, recv, file, buffer, 10, MSG_WAITALL); }};
  for (const auto& way : ways) {
    ends files = make_tcp();
    auto& caller = s.start([&](transcript& says) {
      way(says, files.out);
      read(says, files.out);
      read(says, files.out);
    });
    caller.until_it_waits();
    WEFT_CALL(s.says(), write, files.in, "012", 3);
    for (int left = 3; &way == &ways[2] && left > 0; weft::this_fiber::yield())
      REQUIRE(::ioctl(files.out, FIONREAD, &left) == 0);
    caller.until_it_waits();
    reset(files.in);
    caller.join();
  }
}

WEFT_SCENARIO("a reset behind the last bytes is told by the next call, also where no read waits without a try") {
  ends files = make_tcp();
  constexpr int mark = 1;
  constexpr linger at_once{1, 0};
  WEFT_CALL(s.says(), setsockopt, files.out, SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof mark);
  WEFT_CALL(s.says(), write, files.in, "012", 3);
  REQUIRE(::setsockopt(files.in, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
  files.in.close();
  char buffer[10];
  for (int i = 0; i < 3; ++i) WEFT_CALL(s.says(), recv, files.out, buffer, 10, MSG_WAITALL);
}

WEFT_SCENARIO("an error behind the first of several messages is told by the next call") {
  ends files = make_udp();
  char bytes[2];
  iovec parts[2] = {{&bytes[0], 1}, {&bytes[1], 1}};
  mmsghdr several[2]{};
  for (int i = 0; i < 2; ++i) {
    several[i].msg_hdr.msg_iov = &parts[i];
    several[i].msg_hdr.msg_iovlen = 1;
  }
  auto& reader = s.start([&](transcript& says) {
    WEFT_CALL(says, recvmmsg, files.in, several, 2, 0, nullptr);
    WEFT_CALL(says, recvmmsg, files.in, several, 2, 0, nullptr);
  });
  reader.until_it_waits();
  WEFT_CALL(s.says(), write, files.out, "x", 1);
  for (int left = 1; left > 0; weft::this_fiber::yield()) REQUIRE(::ioctl(files.in, FIONREAD, &left) == 0);
  reader.until_it_waits();
  files.out.close();
  WEFT_CALL(s.says(), write, files.in, "nobody reads that", 17);
  reader.join();
}

WEFT_SCENARIO("an error is told before the messages that came before it") {
  ends files = make_pair(SOCK_STREAM);
  char byte = 'x';
  iovec part{&byte, 1};
  mmsghdr several[2]{};
  for (mmsghdr& one : several) {
    one.msg_hdr.msg_iov = &part;
    one.msg_hdr.msg_iovlen = 1;
  }
  WEFT_CALL(s.says(), write, files.in, "unread", 6);
  WEFT_CALL(s.says(), write, files.out, "x", 1);
  files.out.close();
  for (int i = 0; i < 3; ++i) WEFT_CALL(s.says(), recvmmsg, files.in, several, 2, 0, nullptr);
}
