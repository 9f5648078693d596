// SPDX-License-Identifier: BSL-1.0
// recv(2), send(2) and their relatives: flags, messages, timeouts.
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

#include "hooks/files.hpp"
#include "hooks/stage.hpp"

extern "C" ssize_t __recv_chk(int, void*, size_t, size_t, int);
extern "C" ssize_t __recvfrom_chk(int, void*, size_t, size_t, int, sockaddr*, socklen_t*);

using namespace weft::test;

namespace {

// A message of some buffers, which live in it.
struct message : msghdr {
  explicit message(std::vector<std::string> texts) : msghdr{}, buffers(std::move(texts)) {
    for (auto& text : buffers) parts.push_back({text.data(), text.size()});
    msg_iov = parts.data();
    msg_iovlen = parts.size();
  }
  message(const message&) = delete;
  message& operator=(const message&) = delete;
  [[nodiscard]] std::string text(ssize_t size) const {
    std::string all;
    for (const auto& b : buffers) all += b;
    return std::string("\"").append(all, 0, size > 0 ? std::size_t(size) : 0) + "\"";
  }
  std::vector<std::string> buffers;
  std::vector<iovec> parts;
};

void set_timeout(transcript& says, int file, int name, long milliseconds) {
  const timeval limit{milliseconds / 1000, milliseconds % 1000 * 1000};
  WEFT_CALL(says, setsockopt, file, SOL_SOCKET, name, &limit, socklen_t(sizeof limit));
}

}  // namespace

WEFT_SCENARIO("every way to receive waits for what is sent, every way to send waits for room") {
  for (const maker make : {&a_stream, &make_tcp}) {
    ends files = make();
    const char text[] = "0123456789";
    char buffer[32];
    auto& receiver = s.start([&](transcript& says) {
      says.note(text_of(buffer, WEFT_CALL(says, recv, files.in, buffer, 10, 0)));
      says.note(text_of(buffer, WEFT_CALL(says, __recv_chk, files.in, buffer, 10, sizeof buffer, 0)));
      sockaddr_storage from{};
      socklen_t size = sizeof from;
      auto* const name = reinterpret_cast<sockaddr*>(&from);
      says.note(text_of(buffer, WEFT_CALL(says, recvfrom, files.in, buffer, 10, 0, name, &size)));
      says.note("name of " + std::to_string(size));
      says.note(
          text_of(buffer, WEFT_CALL(says, __recvfrom_chk, files.in, buffer, 10, sizeof buffer, 0, nullptr, nullptr)));
      message into({"....", "......", "zzz"});
      into.msg_iovlen = 2;
      says.note(into.text(WEFT_CALL(says, recvmsg, files.in, &into, 0)));
      message again({"....", "......"});
      mmsghdr one{again, 0};
      WEFT_CALL(says, recvmmsg, files.in, &one, 1, 0, nullptr);
      says.note(again.text(one.msg_len));
    });
    for (unsigned call = 1; call <= 6; ++call) {
      receiver.until_it_waits(call);
      WEFT_CALL(s.says(), send, files.out, text, 10, 0);
    }
    receiver.join();

    message whole({pattern(700'000), pattern(300'000)});
    mmsghdr two[] = {{whole, 0}, {whole, 0}};
    std::size_t expected = 0;
    auto& sender = s.start([&](transcript& says) {
      WEFT_CALL(says, send, files.out, whole.buffers[0].data(), 700'000, 0);
      WEFT_CALL(says, sendto, files.out, whole.buffers[0].data(), 700'000, 0, nullptr, 0);
      WEFT_CALL(says, sendmsg, files.out, &whole, 0);
      WEFT_CALL(says, sendmmsg, files.out, two, 2, 0);
      says.note(std::to_string(two[0].msg_len) + " and " + std::to_string(two[1].msg_len));
    });
    std::vector<char> much(1'000'000);
    for (unsigned call = 1; call <= 4; ++call) {
      sender.until_it_waits(call);
      for (expected = call < 3 ? 700'000 : call == 3 ? 1'000'000 : 2'000'000; expected > 0;)
        expected -= std::size_t(::recv(files.in, much.data(), std::min(expected, much.size()), 0));
    }
    sender.join();
  }
}

WEFT_SCENARIO("MSG_WAITALL gathers until it has all, or the end, or its time is over") {
  for (const maker make : {&a_stream, &make_tcp}) {
    ends files = make();
    char buffer[32];
    auto& receiver = s.start([&](transcript& says) {
      says.note(text_of(buffer, WEFT_CALL(says, recv, files.in, buffer, 10, MSG_WAITALL)));
      message into({"....", "......"});
      says.note(into.text(WEFT_CALL(says, recvmsg, files.in, &into, MSG_WAITALL)));
      says.note(text_of(buffer, WEFT_CALL(says, recvfrom, files.in, buffer, 10, MSG_WAITALL, nullptr, nullptr)));
      set_timeout(says, files.in, SO_RCVTIMEO, 5);
      WEFT_CALL(says, write, files.out, "in time", 7);
      says.note(text_of(buffer, WEFT_CALL(says, recv, files.in, buffer, 10, MSG_WAITALL)));
      set_timeout(says, files.in, SO_RCVTIMEO, 0);
      says.note(text_of(buffer, WEFT_CALL(says, recv, files.in, buffer, 10, MSG_WAITALL)));
      says.note(text_of(buffer, WEFT_CALL(says, recv, files.in, buffer, 10, MSG_WAITALL)));
    });
    for (unsigned call = 1; call <= 3; ++call) {
      receiver.until_it_waits(call);
      WEFT_CALL(s.says(), write, files.out, "0123", 4);
      receiver.until_it_waits(call);
      WEFT_CALL(s.says(), write, files.out, "456789", 6);
    }
    receiver.until_it_waits(8);
    WEFT_CALL(s.says(), write, files.out, "the end", 7);
    files.out.close();
    receiver.join();
  }
}

WEFT_SCENARIO("MSG_PEEK with MSG_WAITALL waits for all of it, or the end, on TCP") {
  ends files = make_tcp();
  char buffer[32];
  auto& receiver = s.start([&](transcript& says) {
    for (int i = 0; i < 2; ++i) {
      says.note(text_of(buffer, WEFT_CALL(says, recv, files.in, buffer, 10, MSG_WAITALL | MSG_PEEK)));
      says.note(text_of(buffer, WEFT_CALL(says, recv, files.in, buffer, 10, 0)));
    }
  });
  receiver.until_it_waits(1);
  WEFT_CALL(s.says(), write, files.out, "0123", 4);
  receiver.until_it_waits(1);
  WEFT_CALL(s.says(), write, files.out, "456789", 6);
  receiver.until_it_waits(3);
  WEFT_CALL(s.says(), write, files.out, "the end", 7);
  receiver.until_it_waits(3);
  files.out.close();
  receiver.join();
}

WEFT_SCENARIO("MSG_PEEK with MSG_WAITALL takes what there is on a unix socket") {
  ends files = make_pair(SOCK_STREAM);
  char buffer[32];
  auto& receiver = s.start([&](transcript& says) {
    says.note(text_of(buffer, WEFT_CALL(says, recv, files.in, buffer, 10, MSG_WAITALL | MSG_PEEK)));
  });
  receiver.until_it_waits();
  WEFT_CALL(s.says(), write, files.out, "0123", 4);
  receiver.join();
}

WEFT_SCENARIO("MSG_PEEK waits and takes nothing") {
  for (const maker make : {&a_stream, &datagrams, &make_tcp}) {
    ends files = make();
    char buffer[32];
    auto& receiver = s.start([&](transcript& says) {
      says.note(text_of(buffer, WEFT_CALL(says, recv, files.in, buffer, sizeof buffer, MSG_PEEK)));
      says.note(text_of(buffer, WEFT_CALL(says, recv, files.in, buffer, 2, MSG_PEEK | MSG_TRUNC)));
      says.note(text_of(buffer, WEFT_CALL(says, recv, files.in, buffer, sizeof buffer, 0)));
    });
    receiver.until_it_waits();
    WEFT_CALL(s.says(), write, files.out, "peeked", 6);
    receiver.join();
  }
}

WEFT_SCENARIO("datagrams keep their borders, empty ones too") {
  for (const maker make : {&datagrams, &records}) {
    ends files = make();
    char buffer[32];
    auto& receiver = s.start([&](transcript& says) {
      for (int i = 0; i < 4; ++i) says.note(text_of(buffer, WEFT_CALL(says, read, files.in, buffer, 4)));
      message into({"...", "..."});
      says.note(into.text(WEFT_CALL(says, readv, files.in, into.parts.data(), 2)));
      says.note(text_of(buffer, WEFT_CALL(says, recv, files.in, buffer, sizeof buffer, MSG_WAITALL)));
    });
    receiver.until_it_waits();
    for (const char* text : {"one", "", "longer", "four", "seven", "x"})
      WEFT_CALL(s.says(), write, files.out, text, std::strlen(text));
    receiver.join();
  }
}

WEFT_SCENARIO("several messages in one call") {
  const ends files = make_pair(SOCK_DGRAM);
  char buffers[4][8];
  iovec parts[4];
  mmsghdr several[4]{};
  const auto prepare = [&] {
    for (int i = 0; i < 4; ++i) {
      parts[i] = {buffers[i], sizeof buffers[i]};
      several[i] = {};
      several[i].msg_hdr.msg_iov = &parts[i];
      several[i].msg_hdr.msg_iovlen = 1;
    }
  };
  const auto note = [&](transcript& says, int count) {
    for (int i = 0; i < count; ++i) says.note(text_of(buffers[i], several[i].msg_len));
  };
  auto& receiver = s.start([&](transcript& says) {
    prepare();
    note(says, WEFT_CALL(says, recvmmsg, files.in, several, 4, 0, nullptr));
    prepare();
    note(says, WEFT_CALL(says, recvmmsg, files.in, several, 4, MSG_WAITFORONE, nullptr));
    prepare();
    timespec soon{0, 1};
    note(says, WEFT_CALL(says, recvmmsg, files.in, several, 4, 0, &soon));
    says.note(std::to_string(soon.tv_sec) + " s " + std::to_string(soon.tv_nsec) + " ns left");
    WEFT_CALL(says, recvmmsg, files.in, several, 0, 0, nullptr);
  });
  for (const char* text : {"1", "22", "333"}) {
    receiver.until_it_waits(1);
    WEFT_CALL(s.says(), write, files.out, text, std::strlen(text));
  }
  receiver.until_it_waits(1);
  WEFT_CALL(s.says(), write, files.out, "4444", 4);
  receiver.until_it_waits(2);
  WEFT_CALL(s.says(), write, files.out, "5", 1);
  receiver.until_it_waits(3);
  WEFT_CALL(s.says(), write, files.out, "66", 2);
  receiver.join();
}

WEFT_SCENARIO("a timeout of the socket ends a wait with EAGAIN, whoever set it by whichever number") {
  for (const maker make : {&a_stream, &datagrams, &make_tcp}) {
    ends files = make();
    const fd twin(::dup(files.in));
    char byte = 'x';
    iovec part{&byte, 1};
    set_timeout(s.says(), twin, SO_RCVTIMEO, 5);
    WEFT_CALL(s.says(), read, files.in, &byte, 1);
    WEFT_CALL(s.says(), readv, files.in, &part, 1);
    WEFT_CALL(s.says(), recv, files.in, &byte, 1, 0);
    WEFT_CALL(s.says(), recv, files.in, &byte, 1, MSG_WAITALL);
    WEFT_CALL(s.says(), recv, files.in, &byte, 1, MSG_PEEK);
    set_timeout(s.says(), twin, SO_RCVTIMEO, 0);
    ends fresh = make_pair(SOCK_STREAM);
    auto& reader = s.start([&](transcript& says) { WEFT_CALL(says, read, fresh.in, &byte, 1); });
    reader.until_it_waits();
    WEFT_CALL(s.says(), write, fresh.out, "x", 1);
    reader.join();
    if (make == &make_tcp) continue;  // which takes a little more now and then
    fill(files.out);
    set_timeout(s.says(), files.out, SO_SNDTIMEO, 5);
    WEFT_CALL(s.says(), write, files.out, &byte, 1);
    WEFT_CALL(s.says(), writev, files.out, &part, 1);
    WEFT_CALL(s.says(), send, files.out, &byte, 1, 0);
  }
}

WEFT_SCENARIO("a timeout in the middle of a write leaves what was written") {
  const ends files = make_pair(SOCK_STREAM);
  set_timeout(s.says(), files.out, SO_SNDTIMEO, 5);
  const std::vector<char> much(4'000'000, 'x');
  WEFT_CALL(s.says(), write, files.out, much.data(), much.size());
  WEFT_CALL(s.says(), send, files.out, much.data(), much.size(), 0);
}

WEFT_SCENARIO("a datagram to a unix socket that takes no more waits until its owner has read") {
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  std::snprintf(where.sun_path + 1, sizeof where.sun_path - 1, "weft-hooks-%d-%d", getpid(), int(s.on_fibers()));
  const auto* const name = reinterpret_cast<const sockaddr*>(&where);
  const fd server(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)),
      client(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  REQUIRE(::bind(server, name, sizeof where) == 0);
  while (::sendto(client, "x", 1, MSG_DONTWAIT, name, sizeof where) == 1) {
  }
  auto& sender = s.start([&](transcript& says) {
    WEFT_CALL(says, sendto, client, "last", 4, 0, name, sizeof where);
    set_timeout(says, client, SO_SNDTIMEO, 5);
    WEFT_CALL(says, sendto, client, "late", 4, 0, name, sizeof where);
  });
  sender.until_it_waits();
  char byte = 'x';
  WEFT_CALL(s.says(), recv, server, &byte, 1, 0);
  sender.join();
}

WEFT_SCENARIO("urgent data and the error queue are not waited for, but on a unix socket, which has none") {
  const ends files = make_tcp();
  char byte = 'x';
  WEFT_CALL(s.says(), recv, files.in, &byte, 1, MSG_OOB);
  WEFT_CALL(s.says(), send, files.out, "!", 1, MSG_OOB);
  WEFT_CALL(s.says(), recv, files.in, &byte, 1, MSG_ERRQUEUE);
  const ends local = make_pair(SOCK_STREAM);
  WEFT_CALL(s.says(), recv, local.in, &byte, 1, MSG_OOB);
  auto& receiver = s.start([&](transcript& says) { WEFT_CALL(says, recv, local.in, &byte, 1, MSG_ERRQUEUE); });
  receiver.until_it_waits();
  WEFT_CALL(s.says(), write, local.out, "x", 1);
  receiver.join();
}

WEFT_SCENARIO("what is no socket says so") {
  const ends files = make_pipe();
  char byte = 'x';
  message one({"x"});
  mmsghdr several{one, 0};
  for (const int file : {int(files.in), -1}) {
    WEFT_CALL(s.says(), recv, file, &byte, 1, 0);
    WEFT_CALL(s.says(), recvfrom, file, &byte, 1, 0, nullptr, nullptr);
    WEFT_CALL(s.says(), recvmsg, file, &one, 0);
    WEFT_CALL(s.says(), recvmmsg, file, &several, 1, 0, nullptr);
    WEFT_CALL(s.says(), send, file, &byte, 1, 0);
    WEFT_CALL(s.says(), sendto, file, &byte, 1, 0, nullptr, 0);
    WEFT_CALL(s.says(), sendmsg, file, &one, 0);
    WEFT_CALL(s.says(), sendmmsg, file, &several, 1, 0);
    WEFT_CALL(s.says(), accept, file, nullptr, nullptr);
    WEFT_CALL(s.says(), accept4, file, nullptr, nullptr, 0);
    loopback where = nobody();
    WEFT_CALL(s.says(), connect, file, where.get(), where.size);
    WEFT_CALL(s.says(), setsockopt, file, SOL_SOCKET, SO_KEEPALIVE, &byte, 1);
  }
}
