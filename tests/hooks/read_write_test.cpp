// SPDX-License-Identifier: BSL-1.0
// read(2) and write(2) and their relatives on every kind of file.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include <climits>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "hooks/files.hpp"
#include "hooks/stage.hpp"
#include "support/temporary.hpp"

extern "C" ssize_t __read_chk(int, void*, size_t, size_t);

using namespace weft::test;

namespace {

// A reader that waits, what it gets, what is there at once, the end.
void reads_wait_for_writes(stage& s, ends files) {
  auto& reader = s.start([&](transcript& says) {
    char buffer[16];
    for (ssize_t got = 1; got > 0;) {
      got = WEFT_CALL(says, read, files.in, buffer, sizeof buffer);
      says.note(text_of(buffer, got));
    }
  });
  reader.until_it_waits(1);
  WEFT_CALL(s.says(), write, files.out, "first", 5);
  reader.until_it_waits(2);
  WEFT_CALL(s.says(), write, files.out, "0123456789abcdef", 16);
  reader.until_it_waits(3);
  files.out.close();
  reader.join();
}

// A write of more than fits comes back when somebody has read it.
void a_large_write_is_whole(stage& s, ends files) {
  const std::string text = pattern(3'000'000);
  auto& writer = s.start([&](transcript& says) {
    WEFT_CALL(says, write, files.out, text.data(), text.size());
    files.out.close();
  });
  writer.until_it_waits();
  std::string got;
  std::vector<char> buffer(100'000);
  for (ssize_t n = 1; n > 0;) {
    n = ::read(files.in, buffer.data(), buffer.size());
    if (n > 0) got.append(buffer.data(), std::size_t(n));
  }
  s.says().note(got == text ? "all of it" : "something else");
  writer.join();
}

// A list with empty buffers, and more buffers than a window of ours has.
void lists_are_one_write(stage& s, ends files) {
  const std::string text = pattern(1'500'000);
  auto& writer = s.start([&](transcript& says) {
    std::vector<iovec> parts;
    for (std::size_t at = 0, size = 0; at < text.size(); at += size, size = (size + 1777) % 9000)
      parts.push_back({const_cast<char*>(text.data()) + at, std::min(size, text.size() - at)});
    says.note(std::to_string(parts.size()) + " parts");
    WEFT_CALL(says, writev, files.out, parts.data(), int(parts.size()));
    files.out.close();
  });
  writer.until_it_waits();
  std::string got, first(10, ' '), second(100'000, ' ');
  for (ssize_t n = 1; n > 0;) {
    iovec parts[] = {{first.data(), first.size()}, {nullptr, 0}, {second.data(), second.size()}};
    n = ::readv(files.in, parts, 3);
    if (n <= 0) break;
    got += first.substr(0, std::size_t(n));
    if (std::size_t(n) > first.size()) got += second.substr(0, std::size_t(n) - first.size());
  }
  s.says().note(got == text ? "all of it" : "something else");
  writer.join();
}

void nothing_is_moved_at_once(stage& s, ends files) {
  char byte = 0;
  iovec none{&byte, 0}, two[] = {none, none};
  WEFT_CALL(s.says(), read, files.in, &byte, 0);
  WEFT_CALL(s.says(), write, files.out, &byte, 0);
  WEFT_CALL(s.says(), readv, files.in, two, 2);
  WEFT_CALL(s.says(), writev, files.out, two, 2);
  WEFT_CALL(s.says(), readv, files.in, two, 0);
  const volatile int negative = -1, too_many = IOV_MAX + 1;  // for the kernel to see, not for the compiler
  WEFT_CALL(s.says(), readv, files.in, two, negative);
  WEFT_CALL(s.says(), writev, files.out, two, too_many);
}

}  // namespace

WEFT_SCENARIO("a read waits for a write: pipe") { reads_wait_for_writes(s, make_pipe()); }
WEFT_SCENARIO("a read waits for a write: unix stream") { reads_wait_for_writes(s, make_pair(SOCK_STREAM)); }
WEFT_SCENARIO("a read waits for a write: TCP") { reads_wait_for_writes(s, make_tcp()); }
WEFT_SCENARIO("a read waits for a write: records") { reads_wait_for_writes(s, make_pair(SOCK_SEQPACKET)); }

WEFT_SCENARIO("a large write comes back when all is written: pipe") { a_large_write_is_whole(s, make_pipe()); }
WEFT_SCENARIO("a large write comes back when all is written: unix") {
  a_large_write_is_whole(s, make_pair(SOCK_STREAM));
}
WEFT_SCENARIO("a large write comes back when all is written: TCP") { a_large_write_is_whole(s, make_tcp()); }

WEFT_SCENARIO("a list of buffers is one write: pipe") { lists_are_one_write(s, make_pipe()); }
WEFT_SCENARIO("a list of buffers is one write: unix") { lists_are_one_write(s, make_pair(SOCK_STREAM)); }
WEFT_SCENARIO("a list of buffers is one write: TCP") { lists_are_one_write(s, make_tcp()); }

WEFT_SCENARIO("what moves nothing does not wait: pipe") { nothing_is_moved_at_once(s, make_pipe()); }
WEFT_SCENARIO("what moves nothing does not wait: unix") { nothing_is_moved_at_once(s, make_pair(SOCK_STREAM)); }
WEFT_SCENARIO("what moves nothing does not wait: TCP") { nothing_is_moved_at_once(s, make_tcp()); }

WEFT_SCENARIO("writes of PIPE_BUF do not mix") {
  ends files = make_pipe();
  constexpr int writers = 4, rounds = 40;
  for (int i = 0; i < writers; ++i) {
    s.start([&, i](transcript& says) {
      const std::string text(PIPE_BUF, char('a' + i));
      for (int round = 0; round < rounds; ++round) WEFT_CALL(says, write, files.out, text.data(), text.size());
    });
  }
  std::string all;
  std::vector<char> buffer(3000);  // no divisor of it
  while (all.size() < std::size_t(writers * rounds * PIPE_BUF)) {
    const ssize_t got = ::read(files.in, buffer.data(), buffer.size());
    REQUIRE(got > 0);
    all.append(buffer.data(), std::size_t(got));
  }
  int mixed = 0;
  for (std::size_t at = 0; at < all.size(); at += PIPE_BUF)
    mixed += all.substr(at, PIPE_BUF) != std::string(PIPE_BUF, all[at]);
  s.says().note("mixed: " + std::to_string(mixed));
  s.join_all();
}

WEFT_SCENARIO("an eventfd counts, and waits when it has counted nothing or too much") {
  const fd file(::eventfd(0, EFD_CLOEXEC));
  std::uint64_t value = 0;
  auto& reader = s.start([&](transcript& says) {
    std::uint64_t got = 0;
    WEFT_CALL(says, read, file, &got, sizeof got);
    says.note(std::to_string(got));
  });
  reader.until_it_waits();
  value = 3;
  WEFT_CALL(s.says(), write, file, &value, sizeof value);
  reader.join();
  value = UINT64_MAX - 1;
  WEFT_CALL(s.says(), write, file, &value, sizeof value);
  auto& writer = s.start([&](transcript& says) {
    const std::uint64_t one = 1;
    WEFT_CALL(says, write, file, &one, sizeof one);
  });
  writer.until_it_waits();
  WEFT_CALL(s.says(), read, file, &value, sizeof value);
  writer.join();
  WEFT_CALL(s.says(), read, file, &value, sizeof value);
  s.says().note(std::to_string(value));
  WEFT_CALL(s.says(), read, file, &value, 4);
  WEFT_CALL(s.says(), write, file, &value, 0);
  WEFT_CALL(s.says(), eventfd, 0, -1);
}

WEFT_SCENARIO("a timerfd is read when its time has come") {
  const fd file(WEFT_OPEN(s.says(), timerfd_create, CLOCK_MONOTONIC, TFD_CLOEXEC));
  std::uint64_t times = 0;
  auto& reader = s.start([&](transcript& says) {
    WEFT_CALL(says, read, file, &times, sizeof times);
    says.note(std::to_string(times));
  });
  reader.until_it_waits();
  const itimerspec soon{{}, {0, 1'000'000}};
  REQUIRE(timerfd_settime(file, 0, &soon, nullptr) == 0);
  reader.join();
  WEFT_CALL(s.says(), read, file, &times, 4);
  WEFT_CALL(s.says(), write, file, &times, sizeof times);
  WEFT_OPEN(s.says(), timerfd_create, 99, 0);
}

WEFT_SCENARIO("files that are always ready, and what is no file") {
  char byte = 'x';
  const fd null(::open("/dev/null", O_RDWR | O_CLOEXEC)), zero(::open("/dev/zero", O_RDWR | O_CLOEXEC));
  const fd directory(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  WEFT_CALL(s.says(), read, null, &byte, 1);
  WEFT_CALL(s.says(), write, null, &byte, 1);
  WEFT_CALL(s.says(), read, zero, &byte, 1);
  WEFT_CALL(s.says(), write, zero, &byte, 1);
  WEFT_CALL(s.says(), read, directory, &byte, 1);
  WEFT_CALL(s.says(), write, directory, &byte, 1);
  WEFT_CALL(s.says(), read, -1, &byte, 1);
  WEFT_CALL(s.says(), write, 999'999, &byte, 1);
  WEFT_CALL(s.says(), read, 1 << 30, &byte, 1);
  iovec part{&byte, 1};
  WEFT_CALL(s.says(), readv, -1, &part, 1);
  WEFT_CALL(s.says(), writev, -1, &part, 1);
  const ends files = make_pipe();
  WEFT_CALL(s.says(), read, files.out, &byte, 1);
  WEFT_CALL(s.says(), write, files.in, &byte, 1);
}

WEFT_SCENARIO("a regular file is read and written at its offset") {
  const temporary_file made;
  const fd file(::open(made.name(), O_RDWR | O_CLOEXEC));
  REQUIRE(file >= 0);
  const std::string text = pattern(100'000);
  WEFT_CALL(s.says(), write, file, text.data(), text.size());
  std::string got(200'000, ' ');
  WEFT_CALL(s.says(), read, file, got.data(), got.size());
  REQUIRE(::lseek(file, 10, SEEK_SET) == 10);
  WEFT_CALL(s.says(), read, file, got.data(), got.size());
  s.says().note(got.substr(0, text.size() - 10) == text.substr(10) ? "all of it" : "something else");
  iovec parts[] = {{got.data(), 3}, {got.data(), 4}};
  WEFT_CALL(s.says(), writev, file, parts, 2);
  s.says().note(std::to_string(::lseek(file, 0, SEEK_CUR)));
}

WEFT_SCENARIO("the checked read of _FORTIFY_SOURCE waits too") {
  ends files = make_pipe();
  auto& reader = s.start([&](transcript& says) {
    char buffer[16];
    says.note(text_of(buffer, WEFT_CALL(says, __read_chk, files.in, buffer, 10, sizeof buffer)));
    says.note(text_of(buffer, WEFT_CALL(says, __read_chk, files.in, buffer, 10, sizeof buffer)));
  });
  reader.until_it_waits();
  WEFT_CALL(s.says(), write, files.out, "checked", 7);
  reader.until_it_waits(2);
  files.out.close();
  reader.join();
}

WEFT_SCENARIO("a terminal gives a line when it is complete") {
  const ends terminal = make_terminal(false);
  auto& reader = s.start([&](transcript& says) {
    char line[32];
    says.note(text_of(line, WEFT_CALL(says, read, terminal.out, line, sizeof line)));
    says.note(text_of(line, WEFT_CALL(says, read, terminal.out, line, 4)));
    says.note(text_of(line, WEFT_CALL(says, read, terminal.out, line, sizeof line)));
    says.note(text_of(line, WEFT_CALL(says, read, terminal.out, line, sizeof line)));  // end of file, typed
  });
  reader.until_it_waits();
  WEFT_CALL(s.says(), write, terminal.in, "half a ", 7);
  WEFT_CALL(s.says(), write, terminal.in, "line\n", 5);
  reader.until_it_waits(2);
  WEFT_CALL(s.says(), write, terminal.in, "two reads\n", 10);
  reader.until_it_waits(4);
  WEFT_CALL(s.says(), write, terminal.in, "\4", 1);
  reader.join();
}

WEFT_SCENARIO("a terminal takes more than it has room for, as it is read") {
  const ends terminal = make_terminal(true);
  const std::string text = pattern(900'000);
  auto& writer = s.start([&](transcript& says) { WEFT_CALL(says, write, terminal.out, text.data(), text.size()); });
  writer.until_it_waits();
  std::string got;
  std::vector<char> buffer(70'000);
  while (got.size() < text.size()) {
    const ssize_t n = ::read(terminal.in, buffer.data(), buffer.size());
    REQUIRE(n > 0);
    got.append(buffer.data(), std::size_t(n));
  }
  s.says().note(got == text ? "all of it" : "something else");
  writer.join();
}

WEFT_SCENARIO("a terminal whose other side is gone") {
  ends terminal = make_terminal(true);
  char byte = 'x';
  terminal.in.close();
  WEFT_CALL(s.says(), read, terminal.out, &byte, 1);
  WEFT_CALL(s.says(), write, terminal.out, &byte, 1);
}
