// SPDX-License-Identifier: BSL-1.0
// A stream that a short read has emptied: the next read waits without asking the kernel, where it may wait at all.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>


#include "hooks/files.hpp"
#include "hooks/stage.hpp"

using namespace weft::test;

namespace {

// Room for eight bytes, as each way to receive wants it.
struct room {
  char bytes[8];
  iovec part{bytes, sizeof bytes};
  msghdr message{};
  room() {
    message.msg_iov = &part;
    message.msg_iovlen = 1;
  }
  room(const room&) = delete;
  room& operator=(const room&) = delete;
};

}  // namespace

WEFT_SCENARIO("a non-blocking stream that a short read has emptied says what has come since") {
  const ends files = make_tcp();
  WEFT_CALL(s.says(), fcntl, files.in, F_SETFL, O_NONBLOCK);
  room to;
  for (int i = 0; i < 3; ++i) {
    WEFT_CALL(s.says(), write, files.out, "ab", 2);
    WEFT_CALL(s.says(), read, files.in, to.bytes, 8);
    WEFT_CALL(s.says(), write, files.out, "cd", 2);
    WEFT_CALL(s.says(), recv, files.in, to.bytes, 8, 0);
    WEFT_CALL(s.says(), write, files.out, "ef", 2);
    WEFT_CALL(s.says(), recvfrom, files.in, to.bytes, 8, 0, nullptr, nullptr);
    WEFT_CALL(s.says(), write, files.out, "gh", 2);
    WEFT_CALL(s.says(), recvmsg, files.in, &to.message, 0);
  }
}

WEFT_SCENARIO("a stream that others make non-blocking after a short read says what has come since") {
  const ends files = make_tcp();
  const fd twin(::fcntl(files.in, F_DUPFD_CLOEXEC, 0));
  room to;
  for (int i = 0; i < 3; ++i) {
    auto& reader = s.start([&](transcript& says) { WEFT_CALL(says, read, files.in, to.bytes, 8); });
    reader.until_it_waits();
    WEFT_CALL(s.says(), write, files.out, "ab", 2);
    reader.join();
    set_nonblocking(twin, true);
    WEFT_CALL(s.says(), write, files.out, "cd", 2);
    WEFT_CALL(s.says(), recv, files.in, to.bytes, 8, 0);
    set_nonblocking(twin, false);
  }
}
