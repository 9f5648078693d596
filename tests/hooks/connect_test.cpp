// SPDX-License-Identifier: BSL-1.0
// connect(2) and accept(2).
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <thread>
#include <vector>
#include <weft/weft.hpp>

#include "hooks/files.hpp"
#include "hooks/stage.hpp"

using namespace weft::test;

namespace {

void note_blocking(transcript& says, int file) {
  says.note(::fcntl(file, F_GETFL) & O_NONBLOCK ? "non-blocking" : "blocking");
}

fd new_socket(int type = SOCK_STREAM, int family = AF_INET) { return fd(::socket(family, type | SOCK_CLOEXEC, 0)); }

struct local_name : sockaddr_un {
  explicit local_name(const stage& s, const char* what) : sockaddr_un{} {
    sun_family = AF_UNIX;
    const int length =
        std::snprintf(sun_path + 1, sizeof sun_path - 1, "weft-hooks-%s-%d-%d", what, getpid(), int(s.on_fibers()));
    size = socklen_t(offsetof(sockaddr_un, sun_path) + 1 + std::size_t(length));
  }
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(this); }
  socklen_t size;
};

// A listener that takes nobody any more: its backlog is full.
struct full_listener {
  loopback where;
  fd listener = make_bound(SOCK_STREAM, where, 0);
  std::vector<fd> queued;
  full_listener() {
    for (int i = 0; i < 3; ++i) {
      fd client = new_socket(SOCK_STREAM | SOCK_NONBLOCK);
      ::connect(client, where.get(), where.size);
      queued.push_back(std::move(client));
    }
  }
};

}  // namespace

WEFT_SCENARIO("a connection is made, and the socket stays a blocking one") {
  loopback where;
  const fd listener = make_bound(SOCK_STREAM, where);
  auto& server = s.start([&](transcript& says) {
    for (int i = 0; i < 2; ++i) {
      sockaddr_in from{};
      socklen_t size = sizeof from;
      auto* const name = reinterpret_cast<sockaddr*>(&from);
      const fd peer(i == 0 ? WEFT_OPEN(says, accept, listener, name, &size)
                           : WEFT_OPEN(says, accept4, listener, name, &size, SOCK_CLOEXEC | SOCK_NONBLOCK));
      says.note("name of " + std::to_string(size));
      note_blocking(says, peer);
      char byte = 'x';
      set_nonblocking(peer, false);
      WEFT_CALL(says, read, peer, &byte, 1);
    }
  });
  for (const unsigned call : {1u, 3u}) {
    server.until_it_waits(call);
    const fd client(WEFT_OPEN(s.says(), socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    WEFT_CALL(s.says(), connect, client, where.get(), where.size);
    note_blocking(s.says(), client);
    WEFT_CALL(s.says(), connect, client, where.get(), where.size);  // it is connected
    WEFT_CALL(s.says(), write, client, "x", 1);
  }
  server.join();
}

WEFT_SCENARIO("a connection to nobody is refused") {
  loopback where = nobody();
  const fd client = new_socket();
  WEFT_CALL(s.says(), connect, client, where.get(), where.size);
  note_blocking(s.says(), client);
  const local_name name(s, "nobody");
  const fd local = new_socket(SOCK_STREAM, AF_UNIX);
  WEFT_CALL(s.says(), connect, local, name.get(), name.size);
  note_blocking(s.says(), local);
  sockaddr wrong{};
  wrong.sa_family = 200;
  WEFT_CALL(s.says(), connect, client, &wrong, socklen_t(sizeof wrong));
  WEFT_CALL(s.says(), connect, client, where.get(), 1);
  note_blocking(s.says(), client);
}

WEFT_SCENARIO("a non-blocking connect does not wait") {
  full_listener full;
  const fd client = new_socket(SOCK_STREAM | SOCK_NONBLOCK);
  WEFT_CALL(s.says(), connect, client, full.where.get(), full.where.size);
  WEFT_CALL(s.says(), connect, client, full.where.get(), full.where.size);
  note_blocking(s.says(), client);
  WEFT_CALL(s.says(), accept, full.queued[0], nullptr, nullptr);
  set_nonblocking(full.listener, true);
  for (int peer = 0; peer >= 0; ::close(peer)) peer = ::accept(full.listener, nullptr, nullptr);
  WEFT_OPEN(s.says(), accept, full.listener, nullptr, nullptr);
  WEFT_OPEN(s.says(), accept4, full.listener, nullptr, nullptr, SOCK_CLOEXEC);
}

WEFT_SCENARIO("a connect that nobody answers ends with the socket's timeout, and goes on") {
  full_listener full;
  const fd client = new_socket();
  const timeval limit{0, 20'000};
  WEFT_CALL(s.says(), setsockopt, client, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(sizeof limit));
  WEFT_CALL(s.says(), connect, client, full.where.get(), full.where.size);
  note_blocking(s.says(), client);
  WEFT_CALL(s.says(), connect, client, full.where.get(), full.where.size);
}

// It takes the kernel a second, so a thread and a fiber wait at the same time.
TEST_CASE("a connect that nobody answers ends when the kernel gives up") {
  full_listener full;
  const auto is_given_up = [&full] {
    const fd client = new_socket();
    const unsigned at_once = 1;  // milliseconds, looked at when a second has passed
    CHECK(::setsockopt(client, IPPROTO_TCP, TCP_USER_TIMEOUT, &at_once, sizeof at_once) == 0);
    CHECK(::connect(client, full.where.get(), full.where.size) == -1);
    CHECK(errno == ETIMEDOUT);
    CHECK((::fcntl(client, F_GETFL) & O_NONBLOCK) == 0);
  };
  std::thread beside(is_given_up);
  weft::run(is_given_up);
  beside.join();
}

WEFT_SCENARIO("two connects of one socket wait for the same connection") {
  std::optional<full_listener> full(std::in_place);
  loopback where = full->where;
  const fd client = new_socket();
  const auto connects = [&](transcript& says) {
    const int result = WEFT_CALL(says, connect, client, where.get(), where.size);
    says.instead(result == 0 ? "connected" : "failed");  // which of two errors is a matter of luck
  };
  auto& first = s.start(connects);
  first.until_it_waits();
  auto& second = s.start(connects);
  second.until_it_waits();
  note_blocking(s.says(), client);
  ::shutdown(client, SHUT_RDWR);  // the attempt ends
  s.join_all();
  note_blocking(s.says(), client);
}

WEFT_SCENARIO("an accept ends with the listener's timeout") {
  loopback where;
  const fd listener = make_bound(SOCK_STREAM, where);
  const timeval limit{0, 5'000};
  WEFT_CALL(s.says(), setsockopt, listener, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(sizeof limit));
  WEFT_OPEN(s.says(), accept, listener, nullptr, nullptr);
  WEFT_OPEN(s.says(), accept4, listener, nullptr, nullptr, 0);
  const fd deaf = new_socket();
  WEFT_OPEN(s.says(), accept, deaf, nullptr, nullptr);
  WEFT_OPEN(s.says(), accept4, listener, nullptr, nullptr, 12345);
}

WEFT_SCENARIO("an accept where nobody listens is refused at once") {
  for (const maker make : {&make_tcp, &a_stream, &datagrams, &records}) {
    const ends connected = make();
    WEFT_CALL(s.says(), accept, connected.in, nullptr, nullptr);
  }
  loopback where;
  const fd udp = make_bound(SOCK_DGRAM, where);
  WEFT_CALL(s.says(), accept4, udp, nullptr, nullptr, 0);
}

WEFT_SCENARIO("a connect to a unix listener with a full backlog waits for an accept") {
  const local_name name(s, "full");
  const fd listener = new_socket(SOCK_STREAM, AF_UNIX);
  REQUIRE(::bind(listener, name.get(), name.size) == 0);
  REQUIRE(::listen(listener, 0) == 0);
  const fd first = new_socket(SOCK_STREAM, AF_UNIX), second = new_socket(SOCK_STREAM, AF_UNIX);
  WEFT_CALL(s.says(), connect, first, name.get(), name.size);
  auto& client = s.start([&](transcript& says) { WEFT_CALL(says, connect, second, name.get(), name.size); });
  client.until_it_waits();
  note_blocking(s.says(), second);
  const fd one(WEFT_OPEN(s.says(), accept, listener, nullptr, nullptr));
  client.join();
  const fd two(WEFT_OPEN(s.says(), accept, listener, nullptr, nullptr));
}

WEFT_SCENARIO("several accept on one listener, and each gets one") {
  loopback where;
  const fd listener = make_bound(SOCK_STREAM, where);
  std::vector<actor*> servers;
  for (int i = 0; i < 4; ++i) {
    servers.push_back(
        &s.start([&](transcript& says) { const fd peer(WEFT_OPEN(says, accept, listener, nullptr, nullptr)); }));
  }
  for (const actor* server : servers) server->until_it_waits();
  for (int i = 0; i < 4; ++i) {
    const fd client = new_socket();
    WEFT_CALL(s.says(), connect, client, where.get(), where.size);
  }
  s.join_all();
}

WEFT_SCENARIO("a datagram socket is connected at once") {
  loopback where;
  const fd server = make_bound(SOCK_DGRAM, where);
  const fd client = new_socket(SOCK_DGRAM);
  WEFT_CALL(s.says(), connect, client, where.get(), where.size);
  WEFT_CALL(s.says(), send, client, "x", 1, 0);
  char byte = 0;
  WEFT_CALL(s.says(), recv, server, &byte, 1, 0);
}
