// SPDX-License-Identifier: BSL-1.0
// MSG_WAITALL: what ends a receive that wants all of it before it has all, and what does not.
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "hooks/files.hpp"
#include "hooks/stage.hpp"

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
