// SPDX-License-Identifier: BSL-1.0
// Calls on files that are not there yet, or have no room; and sleeps, which wait for nobody.
#include <pty.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <weft/weft.hpp>

#include "faults/hooks/trial.hpp"
#include "hooks/files.hpp"

extern "C" ssize_t __read_chk(int, void*, size_t, size_t);

namespace weft::faults::hooked {
namespace {

using namespace std::chrono_literals;
using test::ends;
using test::fd;
using test::make_pair;
using test::make_pipe;

constexpr char letter = 'x';
void write_a_letter(int to) { REQUIRE(::write(to, &letter, 1) == 1); }

// What `read` is given is one letter, and no other.
void read_a_letter(trial& t, const ends& files, long (*read)(int from, char* to)) {
  char got = 0;
  t.make({.call =
              [&] {
                got = 0;
                return read(files.in, &got);
              },
          .is_right = [&](long size) { return size == 1 && got == letter; },
          .meanwhile = [&] { write_a_letter(files.out); }});
}

long plain_read(int from, char* to) { return ::read(from, to, 1); }
long checked_read(int from, char* to) { return __read_chk(from, to, 1, 1); }
long vector_read(int from, char* to) {
  char spare = 0;
  const iovec parts[] = {{to, 1}, {&spare, 1}};
  return ::readv(from, parts, 2);
}

// A number so much higher than those before it that weft needs memory to know it; as long as there are such.
void read_a_high_number(trial& t) {
  static int next = 2'048;
  rlimit most{};
  getrlimit(RLIMIT_NOFILE, &most);
  most.rlim_cur = most.rlim_max;
  setrlimit(RLIMIT_NOFILE, &most);
  ends files = make_pipe();
  if (fd high(::fcntl(files.in, F_DUPFD_CLOEXEC, next)); high >= 0) {
    files.in = std::move(high);
    next += 256;
  }
  read_a_letter(t, files, plain_read);
}

// Files that never wait: a regular one, and a terminal that has room.
void read_a_file(trial& t) {
  const fd file(::memfd_create("weft", MFD_CLOEXEC));
  write_a_letter(file);
  REQUIRE(::lseek(file, 0, SEEK_SET) == 0);
  char got = 0;
  t.make({.call = [&] { return ::read(file, &got, 1); },
          .is_right = [&](long size) { return size == 1 && got == letter; }});
}

void write_at_once(trial& t, int file, long (*write)(int to)) {
  t.make({.call = [&] { return write(file); }, .is_right = [](long size) { return size == 1; }});
}

void read_a_number(trial& t) {
  const fd counter(::eventfd(0, EFD_CLOEXEC));
  const std::uint64_t seven = 7;
  std::uint64_t got = 0;
  t.make({.call = [&] { return ::read(counter, &got, sizeof got); },
          .is_right = [&](long size) { return size == sizeof got && got == seven; },
          .meanwhile = [&] { REQUIRE(::write(counter, &seven, sizeof seven) == sizeof seven); }});
}

// A terminal, whose other side is the outsider's.
struct terminal {
  terminal() {
    int near = -1, far = -1;
    termios raw{};
    cfmakeraw(&raw);
    REQUIRE(::openpty(&far, &near, nullptr, &raw, nullptr) == 0);
    sides = {fd(near), fd(far)};
  }
  ends sides;
};

// Until nothing is left there. Blocks none.
void drain(int from, std::string& into) {
  test::set_nonblocking(from, true);
  char some[4096];
  for (ssize_t size; (size = ::read(from, some, sizeof some)) > 0;) into.append(some, std::size_t(size));
  test::set_nonblocking(from, false);
}

void write_a_letter(trial& t, const ends& files, long (*write)(int to)) {
  test::fill(files.out);
  t.make({.call = [&] { return write(files.out); },
          .is_right = [](long size) { return size == 1; },
          .meanwhile =
              [&] {
                std::string got;
                drain(files.in, got);
              }});
}

long plain_write(int to) { return ::write(to, &letter, 1); }
long vector_write(int to) {
  char copy = letter;
  const iovec parts[] = {{&copy, 0}, {&copy, 1}};
  return ::writev(to, parts, 2);
}

// More than there is room for. What comes back with a part is called again for the rest, as programs do.
void write_much(trial& t) {
  const ends files = make_pipe();
  const std::string much = test::pattern(100'000);
  std::string got;
  std::size_t done = 0;
  const auto write_at_most = [&](std::size_t most) {
    const ssize_t size = ::write(files.out, much.data() + done, std::min(most, much.size() - done));
    if (size > 0) done += std::size_t(size);
    return size;
  };
  const auto all_came = [&] {
    drain(files.in, got);
    return got == much;
  };
  t.make({.call = [&]() -> long {
            while (done < much.size()) {
              if (write_at_most(much.size()) < 0) return -1;
            }
            return 0;
          },
          .is_right = [&](long) { return all_came(); },
          .meanwhile = [&] { drain(files.in, got); },
          .recovers =
              [&] {
                for (drain(files.in, got); done < much.size(); drain(files.in, got)) {
                  if (write_at_most(4'000) < 0) return false;
                }
                return all_came();
              }});
}

long slept(int result) { return result; }

void sleep_a_little(trial& t, long (*sleep)(const timespec&)) {
  t.make({.call = [sleep] { return sleep({0, 200'000}); }});
}

// It knows no less than a second: a deadline cuts it short, and it says what was left.
void sleep_seconds(trial& t) {
  t.make({.call =
              [] {
                unsigned left = 0;
                static_cast<void>(weft::try_for(1ms, [&] { left = ::sleep(1'000); }));
                return long(left);
              },
          .is_right = [](long left) { return left >= 900; }});
}

long absolutely(const timespec& length) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  now.tv_nsec += length.tv_nsec;
  if (now.tv_nsec >= 1'000'000'000) {
    now.tv_nsec -= 1'000'000'000;
    ++now.tv_sec;
  }
  errno = ::clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &now, nullptr);
  return errno ? -1 : 0;
}

const hooked_case all_of_files[] = {
    {"sleep", "", sleep_seconds},
    {"usleep", "",
     [](trial& t) { sleep_a_little(t, [](auto& l) { return slept(::usleep(useconds_t(l.tv_nsec / 1000))); }); }},
    {"nanosleep", "", [](trial& t) { sleep_a_little(t, [](auto& l) { return slept(::nanosleep(&l, nullptr)); }); }},
    {"clock_nanosleep", "", [](trial& t) { sleep_a_little(t, absolutely); }},
    {"thrd_sleep", "", [](trial& t) { sleep_a_little(t, [](auto& l) { return slept(::thrd_sleep(&l, nullptr)); }); }},
    {"read", "a pipe", [](trial& t) { read_a_letter(t, make_pipe(), plain_read); }},
    {"read", "a socket", [](trial& t) { read_a_letter(t, make_pair(SOCK_STREAM), plain_read); }},
    {"read", "a TCP socket", [](trial& t) { read_a_letter(t, test::make_tcp(), plain_read); }},
    {"read", "a terminal", [](trial& t) { read_a_letter(t, terminal().sides, plain_read); }},
    {"read", "an eventfd", read_a_number},
    {"read", "a file", read_a_file},
    {"read", "a high number", read_a_high_number},
    {"__read_chk", "", [](trial& t) { read_a_letter(t, make_pipe(), checked_read); }},
    {"readv", "a pipe", [](trial& t) { read_a_letter(t, make_pipe(), vector_read); }},
    {"readv", "a socket", [](trial& t) { read_a_letter(t, make_pair(SOCK_STREAM), vector_read); }},
    {"readv", "a terminal", [](trial& t) { read_a_letter(t, terminal().sides, vector_read); }},
    {"write", "a pipe", [](trial& t) { write_a_letter(t, make_pipe(), plain_write); }},
    {"write", "a socket", [](trial& t) { write_a_letter(t, make_pair(SOCK_STREAM), plain_write); }},
    {"write", "a terminal", [](trial& t) { write_at_once(t, terminal().sides.in, plain_write); }},
    {"write", "much", write_much},
    {"writev", "a pipe", [](trial& t) { write_a_letter(t, make_pipe(), vector_write); }},
    {"writev", "a file", [](trial& t) { write_at_once(t, fd(::memfd_create("weft", MFD_CLOEXEC)), vector_write); }},
    {"writev", "a socket", [](trial& t) { write_a_letter(t, make_pair(SOCK_STREAM), vector_write); }},
};

}  // namespace

const std::span<const hooked_case> cases_of_files = all_of_files;

}  // namespace weft::faults::hooked
