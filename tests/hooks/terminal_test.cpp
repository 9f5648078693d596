// SPDX-License-Identifier: BSL-1.0
// Terminals whose modes say for how much a read waits, and how long.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <termios.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <utility>

#include "hooks/files.hpp"
#include "hooks/stage.hpp"

using namespace weft::test;

namespace {

// A raw one that waits for `least` bytes, and `time` tenths of a second for each.
ends make_paced(unsigned char least, unsigned char time) {
  ends made = make_terminal(true);
  termios modes{};
  REQUIRE(::tcgetattr(made.out, &modes) == 0);
  modes.c_cc[VMIN] = least;
  modes.c_cc[VTIME] = time;
  REQUIRE(::tcsetattr(made.out, TCSANOW, &modes) == 0);
  return made;
}

void type(stage& s, const ends& terminal, const char* text) {
  WEFT_CALL(s.says(), write, terminal.in, text, std::strlen(text));
}

void note_read(transcript& says, int file, std::size_t size) {
  char text[32];
  says.note(text_of(text, WEFT_CALL(says, read, file, text, size)));
}

}  // namespace

WEFT_SCENARIO("a terminal that waits for nothing says what there is") {
  const ends terminal = make_paced(0, 0);
  note_read(s.says(), terminal.out, 8);
  type(s, terminal, "abc");
  note_read(s.says(), terminal.out, 2);
  note_read(s.says(), terminal.out, 8);
  note_read(s.says(), terminal.out, 8);
}

WEFT_SCENARIO("a terminal that waits for a time says that nothing has come") {
  const ends terminal = make_paced(0, 1);
  note_read(s.says(), terminal.out, 8);
  type(s, terminal, "abc");
  note_read(s.says(), terminal.out, 8);
  set_nonblocking(terminal.out, true);
  note_read(s.says(), terminal.out, 8);
}

WEFT_SCENARIO("a terminal that waits for some bytes is content with fewer if fewer are asked for") {
  const ends terminal = make_paced(5, 0);
  type(s, terminal, "abc");
  note_read(s.says(), terminal.out, 2);
  auto& reader = s.start([&](transcript& says) {
    note_read(says, terminal.out, 3);
    note_read(says, terminal.out, 8);
  });
  reader.until_it_waits(1);
  type(s, terminal, "de");
  reader.until_it_waits(2);
  type(s, terminal, "12345");
  reader.join();
}

WEFT_SCENARIO("a terminal waits for some bytes as long as more comes") {
  const ends hasty = make_paced(5, 1), slow = make_paced(5, 255);
  char buffer[8];
  iovec parts[2] = {{buffer, 2}, {buffer + 2, 6}};
  auto& reader = s.start([&](transcript& says) {
    note_read(says, hasty.out, 8);
    WEFT_CALL(says, readv, slow.out, parts, 2);
    says.note(text_of(buffer, 5));
    note_read(says, slow.out, 2);
  });
  reader.until_it_waits(1);
  type(s, hasty, "abc");
  for (const char* text : {"1", "23", "45", "6", "7"}) {
    reader.until_it_waits(*text < '6' ? 2 : 3);
    type(s, slow, text);
  }
  reader.join();
}

WEFT_SCENARIO("a terminal's master waits for one byte, whatever its other side waits for") {
  const ends terminal = make_paced(0, 0);
  auto& reader = s.start([&](transcript& says) { note_read(says, terminal.in, 8); });
  reader.until_it_waits();
  WEFT_CALL(s.says(), write, terminal.out, "x", 1);
  reader.join();
}

WEFT_SCENARIO("a terminal that is gone says so in whatever mode") {
  for (const auto& [least, time] : {std::pair{0, 0}, {0, 1}, {5, 0}, {5, 1}}) {
    ends terminal = make_paced(static_cast<unsigned char>(least), static_cast<unsigned char>(time));
    type(s, terminal, "ab");
    terminal.in.close();
    note_read(s.says(), terminal.out, 4);
    note_read(s.says(), terminal.out, 4);
  }
}

WEFT_SCENARIO("a terminal that was opened for the other direction only says so") {
  const ends terminal = make_terminal(true);
  char name[64], byte = 'x';
  REQUIRE(::ptsname_r(terminal.in, name, sizeof name) == 0);
  const fd reader(::open(name, O_RDONLY | O_NOCTTY | O_CLOEXEC)), writer(::open(name, O_WRONLY | O_NOCTTY | O_CLOEXEC));
  WEFT_CALL(s.says(), read, writer, &byte, 1);
  REQUIRE(::tcflow(terminal.out, TCOOFF) == 0);
  WEFT_CALL(s.says(), write, reader, &byte, 1);
  REQUIRE(::tcflow(terminal.out, TCOON) == 0);
}
