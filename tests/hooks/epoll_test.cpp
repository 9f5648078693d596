// SPDX-License-Identifier: BSL-1.0
// epoll_wait(2) and its relatives: a loop of the program's own, run on a fiber.
#include <doctest/doctest.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include "hooks/files.hpp"
#include "hooks/stage.hpp"

using namespace weft::test;

namespace {

fd make_epoll() {
  fd made(::epoll_create1(EPOLL_CLOEXEC));
  REQUIRE(made >= 0);
  return made;
}

void listen_for(int epoll, int file, std::uint32_t events, std::uint64_t name) {
  epoll_event wanted{};
  wanted.events = events;
  wanted.data.u64 = name;
  REQUIRE(::epoll_ctl(epoll, EPOLL_CTL_ADD, file, &wanted) == 0);
}

using events = std::array<epoll_event, 4>;

void note_events(transcript& says, const events& found, int count) {
  std::string text = "events:";
  for (int i = 0; i < count; ++i)
    text += ' ' + std::to_string(found[std::size_t(i)].data.u64) + '=' + std::to_string(found[std::size_t(i)].events);
  says.note(std::move(text));
}

}  // namespace

WEFT_SCENARIO("an epoll_wait waits for an event, or for its time") {
  for (const std::uint32_t edges : {0u, std::uint32_t(EPOLLET), std::uint32_t(EPOLLONESHOT)}) {
    const fd epoll = make_epoll();
    ends files = make_pipe();
    listen_for(epoll, files.in, EPOLLIN | edges, 7);
    auto& loop = s.start([&](transcript& says) {
      events found{};
      WEFT_CALL(says, epoll_wait, epoll, found.data(), 4, 0);
      WEFT_CALL(says, epoll_wait, epoll, found.data(), 4, 2);
      note_events(says, found, WEFT_CALL(says, epoll_wait, epoll, found.data(), 4, -1));
      note_events(says, found, WEFT_CALL(says, epoll_wait, epoll, found.data(), 4, 3));
    });
    loop.until_it_waits(3);
    WEFT_CALL(s.says(), write, files.out, "x", 1);
    loop.join();
  }
}

WEFT_SCENARIO("an epoll_pwait waits like epoll_wait, whatever the mask") {
  const fd epoll = make_epoll();
  ends files = make_pair(SOCK_STREAM);
  listen_for(epoll, files.in, EPOLLIN, 7);
  sigset_t mask;
  sigfillset(&mask);
  auto& loop = s.start([&](transcript& says) {
    events found{};
    WEFT_CALL(says, epoll_pwait, epoll, found.data(), 4, 2, &mask);
    note_events(says, found, WEFT_CALL(says, epoll_pwait, epoll, found.data(), 4, -1, &mask));
    char byte = 0;
    WEFT_CALL(says, read, files.in, &byte, 1);
    WEFT_CALL(says, epoll_pwait2, epoll, found.data(), 4, &short_while, &mask);
    note_events(says, found, WEFT_CALL(says, epoll_pwait2, epoll, found.data(), 4, nullptr, &mask));
  });
  for (const unsigned call : {2u, 5u}) {
    loop.until_it_waits(call);
    WEFT_CALL(s.says(), write, files.out, "x", 1);
  }
  loop.join();
}

WEFT_SCENARIO("an epoll in an epoll, and in a poll") {
  const fd outer = make_epoll(), inner = make_epoll();
  ends files = make_pipe();
  listen_for(inner, files.in, EPOLLIN, 1);
  listen_for(outer, inner, EPOLLIN, 2);
  auto& loop = s.start([&](transcript& says) {
    events found{};
    note_events(says, found, WEFT_CALL(says, epoll_wait, outer, found.data(), 4, -1));
    note_events(says, found, WEFT_CALL(says, epoll_wait, inner, found.data(), 4, -1));
    char byte = 0;
    WEFT_CALL(says, read, files.in, &byte, 1);
    pollfd file{outer, POLLIN, 0};
    WEFT_CALL(says, poll, &file, 1, -1);
    WEFT_CALL(says, epoll_wait, outer, found.data(), 4, 0);
  });
  loop.until_it_waits(1);
  WEFT_CALL(s.says(), write, files.out, "x", 1);
  loop.until_it_waits(4);
  files.out.close();
  loop.join();
}

WEFT_SCENARIO("a file that is added while an epoll_wait waits is heard, and several wait for one epoll") {
  const fd epoll = make_epoll();
  ends files = make_pipe();
  for (int i = 0; i < 2; ++i) {
    s.start([&](transcript& says) {
      events found{};
      note_events(says, found, WEFT_CALL(says, epoll_wait, epoll, found.data(), 4, -1));
    });
  }
  auto& last = s.start([&](transcript& says) {
    events found{};
    WEFT_CALL(says, epoll_wait, epoll, found.data(), 4, -1);
  });
  last.until_it_waits();
  WEFT_CALL(s.says(), write, files.out, "x", 1);
  listen_for(epoll, files.in, EPOLLIN, 3);
  s.join_all();
}

WEFT_SCENARIO("an epoll_wait that is refused") {
  const fd epoll = make_epoll();
  const ends files = make_pipe();
  events found{};
  WEFT_CALL(s.says(), epoll_wait, -1, found.data(), 4, -1);
  WEFT_CALL(s.says(), epoll_wait, files.in, found.data(), 4, -1);
  const volatile int none = 0, negative = -1;  // for the kernel to see, not for the compiler
  WEFT_CALL(s.says(), epoll_wait, epoll, found.data(), none, -1);
  WEFT_CALL(s.says(), epoll_pwait, epoll, found.data(), negative, -1, nullptr);
  const timespec wrong{0, -1};
  WEFT_CALL(s.says(), epoll_pwait2, epoll, found.data(), 4, &wrong, nullptr);
}

WEFT_SCENARIO("an instance that watches instances, as many as the kernel allows, is waited for") {
  ends files = make_pipe();
  std::vector<fd> chain;
  chain.push_back(make_epoll());
  listen_for(chain[0], files.in, EPOLLIN, 0);
  for (fd next = make_epoll();; next = make_epoll()) {
    epoll_event wanted{};
    wanted.events = EPOLLIN;
    if (::epoll_ctl(next, EPOLL_CTL_ADD, chain.back(), &wanted) != 0) break;
    chain.push_back(std::move(next));
  }
  auto& loop = s.start([&](transcript& says) {
    events found{};
    note_events(says, found, WEFT_CALL(says, epoll_wait, chain.back(), found.data(), 4, -1));
  });
  loop.until_it_waits();
  WEFT_CALL(s.says(), write, files.out, "x", 1);
  loop.join();
}
