// SPDX-License-Identifier: BSL-1.0
// Calls that only sockets know.
#include <sched.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "faults/hooks/trial.hpp"
#include "hooks/files.hpp"

extern "C" {
ssize_t __recv_chk(int, void*, size_t, size_t, int);
ssize_t __recvfrom_chk(int, void*, size_t, size_t, int, sockaddr*, socklen_t*);
}

namespace weft::faults::hooked {
namespace {

using test::ends;
using test::fd;
using test::loopback;
using test::make_pair;

constexpr char text[] = "word";
constexpr std::size_t text_size = 4;

// What `receive` is given is one word, as it was sent, on a socket of this type.
void receive_a_word(trial& t, int type, long (*receive)(int from, char* to)) {
  const ends files = make_pair(type);
  char got[text_size + 1] = {};
  t.make({.call =
              [&] {
                std::fill(std::begin(got), std::end(got), '\0');
                return receive(files.in, got);
              },
          .is_right = [&](long size) { return size == long(text_size) && std::string(got) == text; },
          .meanwhile = [&] { REQUIRE(::send(files.out, text, text_size, 0) == ssize_t(text_size)); }});
}

// In two parts, both of which the receiver wants.
void receive_all_of_a_word(trial& t) {
  const ends files = make_pair(SOCK_STREAM);
  std::string got;
  t.make({.call = [&]() -> long {
            char room[text_size];
            while (got.size() < text_size) {
              const ssize_t size = ::recv(files.in, room, text_size - got.size(), MSG_WAITALL);
              if (size < 0) return -1;
              got.append(room, std::size_t(size));
            }
            return 0;
          },
          .is_right = [&](long) { return got == text; },
          .meanwhile =
              [&] {
                REQUIRE(::send(files.out, text, 1, 0) == 1);
                sched_yield();
                REQUIRE(::send(files.out, text + 1, text_size - 1, 0) == ssize_t(text_size - 1));
              }});
}

long by_recv(int from, char* to) { return ::recv(from, to, text_size, 0); }
long by_recv_chk(int from, char* to) { return __recv_chk(from, to, text_size, text_size, 0); }
long by_recvfrom(int from, char* to) { return ::recvfrom(from, to, text_size, 0, nullptr, nullptr); }
long by_recvfrom_chk(int from, char* to) { return __recvfrom_chk(from, to, text_size, text_size, 0, nullptr, nullptr); }
long by_recvmsg(int from, char* to) {
  iovec part{to, text_size};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  return ::recvmsg(from, &message, 0);
}
long by_recvmmsg(int from, char* to) {
  iovec part{to, text_size};
  mmsghdr message{};
  message.msg_hdr.msg_iov = &part;
  message.msg_hdr.msg_iovlen = 1;
  const int count = ::recvmmsg(from, &message, 1, 0, nullptr);
  return count == 1 ? long(message.msg_len) : count;
}

// To somebody who has not read for long.
void send_a_word(trial& t, int type, long (*send)(int to)) {
  const ends files = make_pair(type);
  test::fill(files.out);
  t.make({.call = [&] { return send(files.out); },
          .is_right = [](long size) { return size == long(text_size); },
          .meanwhile =
              [&] {
                char much[4096];
                while (::recv(files.in, much, sizeof much, MSG_DONTWAIT) > 0) {
                }
              }});
}

long by_send(int to) { return ::send(to, text, text_size, 0); }
long by_sendto(int to) { return ::sendto(to, text, text_size, 0, nullptr, 0); }
long by_sendmsg(int to) {
  iovec parts[] = {{const_cast<char*>(text), 1}, {const_cast<char*>(text) + 1, text_size - 1}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  return ::sendmsg(to, &message, 0);
}
long by_sendmmsg(int to) {
  iovec part{const_cast<char*>(text), text_size};
  mmsghdr message{};
  message.msg_hdr.msg_iov = &part;
  message.msg_hdr.msg_iovlen = 1;
  const int count = ::sendmmsg(to, &message, 1, 0);
  return count == 1 ? long(message.msg_len) : count;
}

void connect_by_tcp(trial& t) {
  loopback where;
  const fd listener = test::make_bound(SOCK_STREAM, where);
  const fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  t.make({.call = [&] { return ::connect(socket, where.get(), where.size); },
          .is_right = [](long result) { return result == 0; },
          .recovers = [&] {  // an attempt that goes on when its call has failed is nobody's error
            return ::connect(socket, where.get(), where.size) == 0 || errno == EISCONN;
          }});
  CHECK((::fcntl(socket, F_GETFL) & O_NONBLOCK) == 0);
}

// A listener who lets nobody in for a while.
void connect_to_a_crowd(trial& t) {
  sockaddr_un where{};
  where.sun_family = AF_UNIX;  // a name that the kernel makes up
  socklen_t size = sizeof(sa_family_t);
  const fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::bind(listener, reinterpret_cast<sockaddr*>(&where), size) == 0);
  size = sizeof where;
  REQUIRE(::getsockname(listener, reinterpret_cast<sockaddr*>(&where), &size) == 0);
  REQUIRE(::listen(listener, 0) == 0);
  const auto connect = [&](int socket) { return ::connect(socket, reinterpret_cast<sockaddr*>(&where), size); };
  const fd first(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const fd second(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(connect(first) == 0);
  t.make({.call = [&] { return connect(second); },
          .meanwhile = [&] { const fd accepted(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)); }});
}

void accept_one(trial& t, int (*accept)(int from)) {
  loopback where;
  const fd listener = test::make_bound(SOCK_STREAM, where);
  const fd peer(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  t.make({.call = [&] { return accept(listener); },
          .is_right =
              [&](long result) {
                const fd accepted{int(result)};
                sockaddr_in near{}, far{};
                socklen_t near_size = sizeof near, far_size = sizeof far;
                return ::getpeername(accepted, reinterpret_cast<sockaddr*>(&far), &far_size) == 0 &&
                       ::getsockname(peer, reinterpret_cast<sockaddr*>(&near), &near_size) == 0 &&
                       near.sin_port == far.sin_port;
              },
          .meanwhile = [&] { REQUIRE(::connect(peer, where.get(), where.size) == 0); }});
}

int plain_accept(int from) { return ::accept(from, nullptr, nullptr); }
int accept_with_flags(int from) { return ::accept4(from, nullptr, nullptr, SOCK_CLOEXEC); }

const hooked_case all_of_sockets[] = {
    {"recv", "a stream", [](trial& t) { receive_a_word(t, SOCK_STREAM, by_recv); }},
    {"recv", "datagrams", [](trial& t) { receive_a_word(t, SOCK_DGRAM, by_recv); }},
    {"recv", "all that was asked for", receive_all_of_a_word},
    {"__recv_chk", "", [](trial& t) { receive_a_word(t, SOCK_STREAM, by_recv_chk); }},
    {"recvfrom", "", [](trial& t) { receive_a_word(t, SOCK_DGRAM, by_recvfrom); }},
    {"__recvfrom_chk", "", [](trial& t) { receive_a_word(t, SOCK_DGRAM, by_recvfrom_chk); }},
    {"recvmsg", "", [](trial& t) { receive_a_word(t, SOCK_SEQPACKET, by_recvmsg); }},
    {"recvmmsg", "", [](trial& t) { receive_a_word(t, SOCK_DGRAM, by_recvmmsg); }},
    {"send", "a stream", [](trial& t) { send_a_word(t, SOCK_STREAM, by_send); }},
    {"send", "datagrams", [](trial& t) { send_a_word(t, SOCK_DGRAM, by_send); }},
    {"sendto", "", [](trial& t) { send_a_word(t, SOCK_STREAM, by_sendto); }},
    {"sendmsg", "", [](trial& t) { send_a_word(t, SOCK_STREAM, by_sendmsg); }},
    {"sendmmsg", "", [](trial& t) { send_a_word(t, SOCK_SEQPACKET, by_sendmmsg); }},
    {"connect", "TCP", connect_by_tcp},
    {"connect", "a full queue", connect_to_a_crowd},
    {"accept", "", [](trial& t) { accept_one(t, plain_accept); }},
    {"accept4", "", [](trial& t) { accept_one(t, accept_with_flags); }},
};

}  // namespace

const std::span<const hooked_case> cases_of_sockets = all_of_sockets;

}  // namespace weft::faults::hooked
