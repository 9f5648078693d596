// SPDX-License-Identifier: BSL-1.0
// A stream that a short read has emptied: the next read waits without asking the kernel, where it may wait at all.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <functional>
#include <utility>
#include <vector>
#include <weft/weft.hpp>

#include "hooks/files.hpp"
#include "hooks/stage.hpp"
#include "poll/descriptor.hpp"

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

TEST_CASE("every way to receive tells a short read from one that may have left something") {
  weft::run(
      [] {
        const ends files = make_tcp();
        auto& state = weft::detail::descriptor::of(files.in);
        room to;
        const std::vector<std::function<ssize_t(std::size_t)>> ways{
            [&](std::size_t size) { return ::read(files.in, to.bytes, size); },
            [&](std::size_t size) { return ::recv(files.in, to.bytes, size, 0); },
            [&](std::size_t size) { return ::recvfrom(files.in, to.bytes, size, 0, nullptr, nullptr); },
            [&](std::size_t size) {
              to.part.iov_len = size;
              return ::recvmsg(files.in, &to.message, 0);
            }};
        for (const auto& receive : ways) {
          auto reader = weft::spawn([&] { CHECK(receive(8) == 2); });
          while (weft::stats().parked == 0) weft::this_fiber::yield();
          REQUIRE(::write(files.out, "ab", 2) == 2);
          reader.join();
          CHECK(state.drained_since() != 0);
          auto again = weft::spawn([&] { CHECK(receive(2) == 2); });
          while (weft::stats().parked == 0) weft::this_fiber::yield();
          REQUIRE(::write(files.out, "abcd", 4) == 4);
          again.join();
          CHECK(state.drained_since() == 0);
          CHECK(receive(8) == 2);
          CHECK(state.drained_since() != 0);
          REQUIRE(::write(files.out, "x", 1) == 1);
          CHECK(::recv(files.in, to.bytes, 8, MSG_PEEK) == 1);
          CHECK(receive(8) == 1);
        }
      },
      {.workers = 1});
}
