// SPDX-License-Identifier: BSL-1.0
// Where a short read may be trusted, and where it would lose the wake-up.
#include <netinet/tcp.h>

#include <string>

#include "poll/fixture.hpp"
#include "support/passing.hpp"
#include "support/session.hpp"

using namespace weft::test;

namespace {

// A connection whose reader waits: what comes next finds it registered and parked.
struct waiting_reader {
  explicit waiting_reader(std::array<int, 2> ends)
      : near(ends[0], descriptor::ask_kernel(ends[0])), far(ends[1]), reads(near, mine) {
    REQUIRE(wait_on(parked, near, direction::read, mine) == wait_duty::park);
    serve_now(mine);  // writable since the registration
    REQUIRE(parked.waiting());
  }
  // One batch with all that was sent.
  void hear() {
    serve_until(mine, [&] { return parked.unparked > 0; });
  }

  epoll_poller mine;
  owned near, far;
  fake_waiter parked;
  reader reads;
};

}  // namespace

TEST_CASE("the kernel is asked what a short read means: only plain TCP drains") {
  const auto tcp = make_tcp_pair();
  CHECK(descriptor::ask_kernel(tcp[0]) == short_reads::mean_drained);
  CHECK(descriptor::ask_kernel(tcp[1]) == short_reads::mean_drained);
  const auto pair = make_unix_pair();
  const auto pipe = make_pipe();
  const int udp = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  for (int fd : {pair[0], pipe[0], udp, -1}) CHECK(descriptor::ask_kernel(fd) == short_reads::mean_nothing);
  for (int fd : {tcp[0], tcp[1], pair[0], pair[1], pipe[0], pipe[1], udp}) ::close(fd);
}

TEST_CASE("multipath TCP is not trusted") {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP);
  if (fd < 0) return skip("no multipath TCP in this kernel");
  CHECK(descriptor::ask_kernel(fd) == short_reads::mean_nothing);
  ::close(fd);
}

TEST_CASE("a socket with an upper layer protocol is not trusted") {
  const auto tcp = make_tcp_pair();
  const owned near(tcp[0]), far(tcp[1]);
  if (::setsockopt(near.fd(), IPPROTO_TCP, TCP_ULP, "tls", 3) != 0) return skip("no TCP_ULP tls in this kernel");
  CHECK(descriptor::ask_kernel(near.fd()) == short_reads::mean_nothing);
}

TEST_CASE("messages over TCP cost one receive each: nobody asks for what is not there") {
  waiting_reader c(make_tcp_pair());
  send_text(c.far.fd(), "first");
  c.hear();
  CHECK(c.reads.read_text() == "first");
  const int before = c.reads.calls;
  for (int i = 0; i < 100; ++i) {
    send_text(c.far.fd(), "message");
    CHECK(c.reads.read_text() == "message");
  }
  CHECK(c.reads.calls == before + 100);
}

TEST_CASE("a full read says nothing about the rest") {
  waiting_reader c(make_tcp_pair());
  send_text(c.far.fd(), "12345678");
  c.hear();
  CHECK(c.reads.read_text(4) == "1234");
  CHECK(c.near->drained_since() == 0);
  CHECK(c.reads.read_text(4) == "5678");
  CHECK(c.near->drained_since() == 0);
}

TEST_CASE("a byte that comes between the short read and the next is heard") {
  waiting_reader c(make_tcp_pair());
  send_text(c.far.fd(), "a");
  c.hear();
  CHECK(c.reads.read_text() == "a");
  send_text(c.far.fd(), "b");
  serve_now(c.mine);
  CHECK(c.near->drained_since() == 0);
  CHECK(c.reads.read_text() == "b");
}

TEST_CASE("a FIN behind the data is read, though it gives no second event") {
  waiting_reader c(make_tcp_pair());
  send_text(c.far.fd(), "last words");
  ::shutdown(c.far.fd(), SHUT_WR);
  c.hear();
  CHECK(c.reads.read_text() == "last words");
  CHECK(c.near->drained_since() == 0);
  char byte = 0;
  CHECK(c.reads.read(&byte, 1) == 0);
}

TEST_CASE("a FIN between the wait and the receive is heard") {
  waiting_reader c(make_tcp_pair());
  send_text(c.far.fd(), "data");
  c.hear();
  ::shutdown(c.far.fd(), SHUT_WR);
  CHECK(c.reads.read_text() == "data");
  char byte = 0;
  CHECK(c.reads.read(&byte, 1) == 0);
}

TEST_CASE("a reset between the wait and the receive is heard") {
  waiting_reader c(make_tcp_pair());
  send_text(c.far.fd(), "data");
  c.hear();
  CHECK(c.reads.read_text() == "data");
  const linger at_once{1, 0};
  ::setsockopt(c.far.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  c.far.close();
  char byte = 0;
  CHECK(c.reads.read(&byte, 1) == -1);
  CHECK(errno == ECONNRESET);
}

TEST_CASE("a read that stops at an urgent byte is followed by another, though there is no second event") {
  waiting_reader c(make_tcp_pair());
  send_text(c.far.fd(), "before");
  send_text(c.far.fd(), "!", MSG_OOB);
  send_text(c.far.fd(), "behind");
  c.hear();
  CHECK(c.reads.read_text() == "before");
  CHECK(c.near->drained_since() == 0);
  CHECK(c.reads.read_text() == "behind");
}

TEST_CASE("a read of a unix socket that stops behind passed descriptors is followed by another") {
  waiting_reader c(make_unix_pair());
  const message_with_fd message("with a descriptor", STDERR_FILENO);
  REQUIRE(::sendmsg(c.far.fd(), message.header(), MSG_NOSIGNAL) > 0);
  send_text(c.far.fd(), "behind");
  c.hear();
  CHECK(c.reads.read_text() == "with a descriptor");
  CHECK(c.near->drained_since() == 0);
  CHECK(c.reads.read_text() == "behind");
}

TEST_CASE("what arrives while the registration moves is heard by the new poller") {
  waiting_reader c(make_tcp_pair());
  send_text(c.far.fd(), "first");
  c.hear();
  CHECK(c.reads.read_text() == "first");
  const auto seen = c.near->drained_since();
  REQUIRE(seen != 0);
  send_text(c.far.fd(), "second");  // an event that only the old poller has
  epoll_poller other;
  for (int i = 0; i < descriptor::moves_after; ++i) c.near->settle(other, seen);
  c.reads.move_to(other);
  CHECK(c.reads.read_text() == "second");
  ::shutdown(c.far.fd(), SHUT_WR);
  CHECK(c.reads.read_text().empty());
}
