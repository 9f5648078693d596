// SPDX-License-Identifier: BSL-1.0
// select(2) and pselect(2).
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <string>
#include <vector>

#include "hooks/files.hpp"
#include "hooks/stage.hpp"

using namespace weft::test;

namespace {

// A set, and which of some numbers are in it.
fd_set set_of(std::initializer_list<int> numbers) {
  fd_set set;
  FD_ZERO(&set);
  for (const int number : numbers) FD_SET(number, &set);
  return set;
}

void note_members(transcript& says, const fd_set& set, std::initializer_list<int> numbers) {
  std::string text = "in it:";
  for (const int number : numbers) text += FD_ISSET(number, &set) ? " yes" : " no";
  says.note(std::move(text));
}

}  // namespace

WEFT_SCENARIO("a select waits for input, for room, or for its time, and says what is left of it") {
  for (const maker make : {&a_pipe, &a_stream, &make_tcp, &datagrams}) {
    ends files = make();
    const int most = std::max<int>(files.in, files.out) + 1;
    auto& selector = s.start([&](transcript& says) {
      fd_set in = set_of({files.in});
      timeval time{0, 2'000};
      WEFT_CALL(says, select, most, &in, nullptr, nullptr, &time);
      note_members(says, in, {files.in});
      says.note(time.tv_sec == 0 && time.tv_usec == 0 ? "no time left" : "time left");
      in = set_of({files.in});
      time = {60, 3'000'000};
      WEFT_CALL(says, select, most, &in, nullptr, nullptr, &time);
      note_members(says, in, {files.in});
      says.note(time.tv_sec > 50 && time.tv_sec < 63 && time.tv_usec < 1'000'000 ? "time left" : "no time left");
      fd_set out = set_of({files.out});
      WEFT_CALL(says, select, most, &in, &out, nullptr, nullptr);
      note_members(says, in, {files.in, files.out});
      note_members(says, out, {files.in, files.out});
    });
    selector.until_it_waits(2);
    WEFT_CALL(s.says(), write, files.out, "x", 1);
    selector.join();
  }
}

WEFT_SCENARIO("a select for room waits until somebody reads") {
  ends files = make_pipe();
  fill(files.out);
  auto& selector = s.start([&](transcript& says) {
    fd_set out = set_of({files.out});
    WEFT_CALL(says, select, files.out + 1, nullptr, &out, nullptr, nullptr);
    note_members(says, out, {files.out});
  });
  selector.until_it_waits();
  std::vector<char> buffer(10'000);
  set_nonblocking(files.in, true);
  while (::read(files.in, buffer.data(), buffer.size()) > 0) {
  }
  selector.join();
}

WEFT_SCENARIO("a select of the highest number, and of one that is closed") {
  ends files = make_pipe();
  const fd high(::fcntl(files.in, F_DUPFD_CLOEXEC, FD_SETSIZE - 1));
  if (high != FD_SETSIZE - 1) return;  // not allowed so many
  auto& selector = s.start([&](transcript& says) {
    fd_set in = set_of({files.in, high});
    WEFT_CALL(says, select, FD_SETSIZE, &in, nullptr, nullptr, nullptr);
    note_members(says, in, {files.in, high});
    const fd_set before = in = set_of({high, FD_SETSIZE - 2});
    WEFT_CALL(says, select, FD_SETSIZE, &in, nullptr, nullptr, nullptr);
    says.note(FD_ISSET(high, &in) == FD_ISSET(high, &before) ? "untouched" : "changed");
  });
  selector.until_it_waits();
  WEFT_CALL(s.says(), write, files.out, "x", 1);
  selector.join();
}

WEFT_SCENARIO("a select of more numbers than the set has room for touches nothing behind it") {
  constexpr int count = 1 << 20;  // as many as the process may have, which getdtablesize(3) says
  const auto page = std::size_t(::sysconf(_SC_PAGESIZE));
  void* const room = ::mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(room != MAP_FAILED);
  REQUIRE(::mprotect(static_cast<char*>(room) + page, page, PROT_NONE) == 0);
  fd_set& in = *reinterpret_cast<fd_set*>(static_cast<char*>(room) + page - sizeof(fd_set));
  ends files = make_pipe();
  auto& selector = s.start([&](transcript& says) {
    in = set_of({files.in});
    WEFT_CALL(says, select, count, &in, nullptr, nullptr, nullptr);
    note_members(says, in, {files.in});
    WEFT_CALL(says, pselect, count, &in, nullptr, nullptr, nullptr, nullptr);
    note_members(says, in, {files.in});
  });
  selector.until_it_waits(1);
  WEFT_CALL(s.says(), write, files.out, "x", 1);
  selector.join();
  REQUIRE(::munmap(room, 2 * page) == 0);
}

WEFT_SCENARIO("urgent data is an exception to select") {
  ends files = make_tcp();
  auto& selector = s.start([&](transcript& says) {
    fd_set special = set_of({files.in});
    WEFT_CALL(says, select, files.in + 1, nullptr, nullptr, &special, nullptr);
    note_members(says, special, {files.in});
  });
  selector.until_it_waits();
  WEFT_CALL(s.says(), send, files.out, "!", 1, MSG_OOB);
  selector.join();
}

WEFT_SCENARIO("a select that waits for nothing but its time, or is refused") {
  timeval time{0, 1'500}, wrong{0, -1}, negative{-1, 0};
  WEFT_CALL(s.says(), select, 0, nullptr, nullptr, nullptr, &time);
  fd_set none = set_of({}), nobody = set_of({});
  time = {0, 1'500};
  WEFT_CALL(s.says(), select, 100, &none, &nobody, nullptr, &time);
  WEFT_CALL(s.says(), select, 0, nullptr, nullptr, nullptr, &wrong);
  WEFT_CALL(s.says(), select, 0, nullptr, nullptr, nullptr, &negative);
  const volatile int below = -1;
  time = {0, 1'500};
  WEFT_CALL(s.says(), select, below, nullptr, nullptr, nullptr, &time);
  const timespec zero{}, bad{0, 1'000'000'000};
  WEFT_CALL(s.says(), pselect, 0, nullptr, nullptr, nullptr, &zero, nullptr);
  WEFT_CALL(s.says(), pselect, 0, nullptr, nullptr, nullptr, &bad, nullptr);
  WEFT_CALL(s.says(), pselect, below, nullptr, nullptr, nullptr, &short_while, nullptr);
}

WEFT_SCENARIO("a pselect waits like select, whatever the mask, and leaves its time alone") {
  ends files = make_pair(SOCK_STREAM);
  sigset_t mask;
  sigfillset(&mask);
  auto& selector = s.start([&](transcript& says) {
    fd_set in = set_of({files.in});
    timespec time = short_while;
    WEFT_CALL(says, pselect, files.in + 1, &in, nullptr, nullptr, &time, &mask);
    says.note(time.tv_nsec == short_while.tv_nsec ? "untouched" : "changed");
    in = set_of({files.in});
    WEFT_CALL(says, pselect, files.in + 1, &in, nullptr, nullptr, nullptr, &mask);
    note_members(says, in, {files.in});
  });
  selector.until_it_waits(2);
  files.out.close();
  selector.join();
}

WEFT_SCENARIO_OF_RACES("a close wakes who selects") {
  ends files = make_pipe();
  auto& selector = s.start([&](transcript& says) {
    fd_set in = set_of({files.in});
    WEFT_CALL(says, select, files.in + 1, &in, nullptr, nullptr, nullptr);
    says.differs("a close wakes who waits", "select = 1", "select = -1 EBADF");
  });
  selector.until_it_waits();
  files.in.close();
  if (!s.on_fibers()) REQUIRE(::write(files.out, "x", 1) == 1);
  selector.join();
}
