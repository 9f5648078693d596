// SPDX-License-Identifier: BSL-1.0
// MSG_WAITALL and SO_RCVLOWAT: what ends a receive that wants so much before it has it, and what does not.
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include <string>

#include "hooks/files.hpp"
#include "hooks/stage.hpp"
#include "support/passing.hpp"

using namespace weft::test;

namespace {

void until_there_are(int file, int wanted) {
  for (int bytes = -1; bytes != wanted; weft::this_fiber::yield()) REQUIRE(::ioctl(file, FIONREAD, &bytes) == 0);
}

}  // namespace

WEFT_SCENARIO("a look at all of it waits though an earlier connection was refused") {
  loopback where, nowhere = nobody();
  const fd listener = make_bound(SOCK_STREAM, where), client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  pollfd both[2] = {{client, 0, 0}, {-1, 0, 0}};
  WEFT_CALL(s.says(), connect, client, nowhere.get(), nowhere.size);
  WEFT_CALL(s.says(), poll, both, 2, -1);
  WEFT_CALL(s.says(), connect, client, where.get(), where.size);
  const fd server(::accept(listener, nullptr, nullptr));
  char text[8];
  auto& reader = s.start([&](transcript& says) {
    says.note(text_of(text, WEFT_CALL(says, recv, client, text, 8, MSG_PEEK | MSG_WAITALL)));
  });
  reader.until_it_waits();
  WEFT_CALL(s.says(), write, server, "abcd", 4);
  until_there_are(client, 4);
  reader.until_it_waits();
  WEFT_CALL(s.says(), write, server, "efgh", 4);
  reader.join();
}

WEFT_SCENARIO("a receive of all of it stops at the urgent mark") {
  const ends files = make_tcp();
  constexpr timeval soon{0, 20'000};
  REQUIRE(::setsockopt(files.in, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon) == 0);
  char text[8];
  for (const int flags : {int(MSG_WAITALL), MSG_WAITALL | MSG_PEEK, 0, 0}) {
    if (flags & MSG_WAITALL) {
      WEFT_CALL(s.says(), send, files.out, "ab", 2, 0);
      WEFT_CALL(s.says(), send, files.out, "!", 1, MSG_OOB);
      WEFT_CALL(s.says(), send, files.out, "cd", 2, 0);
    }
    s.says().note(text_of(text, WEFT_CALL(s.says(), recv, files.in, text, 4, flags)));
  }
}

WEFT_SCENARIO("a receive of all of it stops at the urgent mark, also where no read waits without a try") {
  const ends files = make_tcp();
  constexpr int mark = 1;
  WEFT_CALL(s.says(), setsockopt, files.in, SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof mark);
  WEFT_CALL(s.says(), send, files.out, "ab", 2, 0);
  WEFT_CALL(s.says(), send, files.out, "!", 1, MSG_OOB);
  WEFT_CALL(s.says(), send, files.out, "cd", 2, 0);
  char text[8];
  s.says().note(text_of(text, WEFT_CALL(s.says(), recv, files.in, text, 4, MSG_WAITALL)));
  s.says().note(text_of(text, WEFT_CALL(s.says(), recv, files.in, text, 2, MSG_WAITALL)));
}

WEFT_SCENARIO("urgent data ends a receive of all of it that waits") {
  for (const int flags : {int(MSG_WAITALL), MSG_WAITALL | MSG_PEEK}) {
    const ends files = make_tcp();
    char text[8];
    auto& reader =
        s.start([&](transcript& says) { says.note(text_of(text, WEFT_CALL(says, recv, files.in, text, 4, flags))); });
    reader.until_it_waits();
    WEFT_CALL(s.says(), write, files.out, "ab", 2);
    until_there_are(files.in, flags & MSG_PEEK ? 2 : 0);
    reader.until_it_waits();
    WEFT_CALL(s.says(), send, files.out, "!", 1, MSG_OOB);
    reader.join();
  }
}

WEFT_SCENARIO("what TCP tells beside the data does not end a receive of all of it") {
  const ends files = make_tcp();
  constexpr int on = 1;
  WEFT_CALL(s.says(), setsockopt, files.in, IPPROTO_TCP, TCP_INQ, &on, sizeof on);
  char text[8];
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  auto& reader = s.start([&](transcript& says) {
    iovec into{text, 8};
    msghdr message{};
    message.msg_iov = &into;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    says.note(text_of(text, WEFT_CALL(says, recvmsg, files.in, &message, MSG_WAITALL)));
    says.note("control data of " + std::to_string(message.msg_controllen));
  });
  reader.until_it_waits();
  WEFT_CALL(s.says(), write, files.out, "abcd", 4);
  until_there_are(files.in, 0);
  WEFT_CALL(s.says(), write, files.out, "efgh", 4);
  reader.join();
}

WEFT_SCENARIO("a receive of all of it stops behind files, also where there is no room for them") {
  const ends files = make_pair(SOCK_STREAM);
  char text[8];
  auto& reader = s.start([&](transcript& says) {
    says.note(text_of(text, WEFT_CALL(says, recv, files.in, text, 8, MSG_WAITALL)));
    says.note(text_of(text, WEFT_CALL(says, recv, files.in, text, 4, MSG_WAITALL)));
  });
  reader.until_it_waits();
  const message_with_fd message("abcd", files.out);
  WEFT_CALL(s.says(), sendmsg, files.out, message.header(), 0);
  until_there_are(files.in, 0);
  WEFT_CALL(s.says(), write, files.out, "efgh", 4);
  reader.join();
}

WEFT_SCENARIO("a stream with a low mark is not read below it, unless less is asked for") {
  for (const maker make : {&a_stream, &make_tcp}) {
    ends files = make();
    constexpr int mark = 4;
    WEFT_CALL(s.says(), setsockopt, files.in, SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof mark);
    char text[8];
    iovec parts[2] = {{text, 3}, {text + 3, 5}};
    const auto note = [&](transcript& says, ssize_t size) { says.note(text_of(text, size)); };
    auto& reader = s.start([&](transcript& says) {
      note(says, WEFT_CALL(says, read, files.in, text, 8));
      note(says, WEFT_CALL(says, readv, files.in, parts, 2));
      note(says, WEFT_CALL(says, recv, files.in, text, 8, 0));
      WEFT_CALL(says, write, files.out, "xyz", 3);
      note(says, WEFT_CALL(says, recv, files.in, text, 2, 0));
      note(says, WEFT_CALL(says, recv, files.in, text, 8, 0));
    });
    for (unsigned call = 1; call <= 3; ++call) {
      reader.until_it_waits(call);
      WEFT_CALL(s.says(), write, files.out, "ab", 2);
      reader.until_it_waits(call);
      WEFT_CALL(s.says(), write, files.out, "cd", 2);
    }
    reader.until_it_waits(6);
    files.out.close();
    reader.join();
  }
}
