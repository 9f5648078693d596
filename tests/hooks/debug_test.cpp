// SPDX-License-Identifier: BSL-1.0
// What WEFT_DEBUG prints of the hooks.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <weft/weft.hpp>

#include "hooks/files.hpp"
#include "support/alone.hpp"

using namespace weft::test;

namespace {

void pass_a_byte(const ends& files) {
  char byte = 'x';
  CHECK(::write(files.out, &byte, 1) == 1);
  CHECK(::read(files.in, &byte, 1) == 1);
}

void pass_a_message(const ends& files) {
  char byte = 'x';
  iovec part{&byte, 1};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  CHECK(::send(files.out, &byte, 1, 0) == 1);
  CHECK(::recvmsg(files.in, &message, 0) == 1);
}

program_end files_used_with(const char* debug) { return run_alone("alone: a fiber uses files", {debug}); }

}  // namespace

TEST_CASE("alone: a fiber uses files" * doctest::skip()) {
  weft::run([] {
    auto user = weft::spawn({.name = "user"}, [] {
      const ends stream = make_pair(SOCK_STREAM), pipe = make_pipe();
      for (int i = 0; i < 3; ++i) {
        pass_a_byte(stream);
        pass_a_byte(pipe);
      }
      const fd regular(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
      char byte = 0;
      CHECK(::read(regular, &byte, 1) == 1);
      for (int i = 0; i < 2; ++i) pass_a_message(make_pair(SOCK_DGRAM));  // the same numbers, after a close
    });
    user.join();
  });
}

TEST_CASE("WEFT_DEBUG=hooks names each file that a hooked call meets, once") {
  const auto asked = files_used_with("WEFT_DEBUG=hooks");
  CHECK(asked.status == 0);
  CHECK(asked.how_often("weft: hooks: fd ") == 8);
  CHECK(asked.how_often(", a stream socket, in write of fiber ") == 1);
  CHECK(asked.how_often(", a stream socket, in read of fiber ") == 1);
  CHECK(asked.how_often(", a pipe, in write of fiber ") == 1);
  CHECK(asked.how_often(", a pipe, in read of fiber ") == 1);
  CHECK(asked.how_often(", a socket of messages, in send of fiber ") == 2);
  CHECK(asked.how_often(", a socket of messages, in recvmsg of fiber ") == 2);
  CHECK(asked.how_often(" \"user\", created at ") == 8);
}

TEST_CASE("nothing is printed of files without WEFT_DEBUG=hooks") {
  const auto not_asked = files_used_with("WEFT_DEBUG=mappings=0");
  CHECK(not_asked.status == 0);
  CHECK(not_asked.how_often("weft: hooks: ") == 0);
}
