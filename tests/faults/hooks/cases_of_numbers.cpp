// SPDX-License-Identifier: BSL-1.0
// Calls that make a number, close it, or change what it names.
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <span>
#include <weft/weft.hpp>

#include "faults/hooks/trial.hpp"
#include "hooks/files.hpp"

// By its own name also where fcntl(2) means the one of 64 bits.
extern "C" int plain_fcntl(int, int, ...) asm("fcntl");

namespace weft::faults::hooked {
namespace {

using test::ends;
using test::fd;
using test::make_pipe;

[[nodiscard]] bool is_open(int number) { return ::fcntl(number, F_GETFD) != -1; }

// A number above all others, as closefrom(3) wants it, of a pipe that somebody reads.
void close_under_a_reader(trial& t, int (*close)(int number)) {
  const ends files = make_pipe();
  constexpr int high = 500;
  const int number = ::fcntl(files.in, F_DUPFD_CLOEXEC, high);
  REQUIRE(number >= high);
  char byte = 0;
  int error = 0;
  auto reader = weft::spawn([&] { error = ::read(number, &byte, 1) == -1 ? errno : 0; });
  while (weft::stats().parked == 0) weft::this_fiber::yield();
  const auto is_closed = [&] {
    if (is_open(number)) return false;
    reader.join();
    return error == EBADF;
  };
  t.make({.call = [&] { return close(number); },
          .is_right = [&](long result) { return result == 0 && is_closed(); },
          .recovers = [&] {  // what says that it failed and closed has closed; what did not close has not closed
            return is_open(number) ? close(number) == 0 && is_closed() : is_closed();
          }});
}

int by_range(int number) { return ::close_range(unsigned(number), unsigned(number), 0); }
int from_there_on(int number) {
  ::closefrom(number);
  return 0;
}

// What makes one number.
void make_one(trial& t, int (*make)(int old)) {
  const fd old(::eventfd(0, EFD_CLOEXEC));
  t.make({.call = [&] { return make(old); },
          .is_right =
              [](long result) {
                const fd made{int(result)};
                return is_open(made);
              }});
}

int by_dup(int old) { return ::dup(old); }
int by_fcntl_dup(int old) { return plain_fcntl(old, F_DUPFD_CLOEXEC, 0); }
int by_fcntl64_dup(int old) { return ::fcntl64(old, F_DUPFD, 0); }
int by_socket(int) { return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); }
int by_eventfd(int) { return ::eventfd(0, EFD_CLOEXEC); }
int by_timerfd(int) { return ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC); }

// Two of them.
void make_two(trial& t, int (*make)(int* both)) {
  int both[2] = {-1, -1};
  t.make({.call = [&] { return make(both); },
          .is_right =
              [&](long result) {
                const fd one(both[0]), other(both[1]);
                return result == 0 && is_open(one) && is_open(other) && ::write(other, "x", 1) == 1;
              }});
}

int by_pipe(int* both) { return ::pipe(both); }
int by_pipe2(int* both) { return ::pipe2(both, O_CLOEXEC); }
int by_socketpair(int* both) { return ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both); }

// Onto a number that is used: it names the other file then, or, after a failure, still its own.
void replace(trial& t, int (*replace)(int from, int to)) {
  const ends one = make_pipe(), other = make_pipe();
  char byte = 0;
  auto user = weft::spawn([&] { static_cast<void>(::read(other.in, &byte, 1)); });
  REQUIRE(::write(other.out, "x", 1) == 1);
  user.join();  // its number is known now
  t.make({.call = [&] { return replace(one.in, other.in); },
          .is_right =
              [&](long result) {
                return result == other.in && ::write(one.out, "y", 1) == 1 && ::read(other.in, &byte, 1) == 1 &&
                       byte == 'y';
              },
          .recovers =
              [&] {
                return ::write(other.out, "z", 1) == 1 && ::read(other.in, &byte, 1) == 1 && byte == 'z' &&
                       replace(one.in, other.in) == other.in;
              }});
}

int by_dup2(int from, int to) { return ::dup2(from, to); }
int by_dup3(int from, int to) { return ::dup3(from, to, O_CLOEXEC); }

// A timeout counts from when it is set, and is not there when setting it has failed.
void set_a_timeout(trial& t) {
  const ends files = test::make_pair(SOCK_STREAM);
  const timeval soon{0, 1'000};
  char byte = 0;
  t.make({.call = [&] { return ::setsockopt(files.in, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon); },
          .is_right =
              [&](long result) {
                return result == 0 && ::read(files.in, &byte, 1) == -1 && (errno == EAGAIN || errno == EWOULDBLOCK);
              }});
}

// A file that has been waited for is non-blocking now.
void make_nonblocking(trial& t) {
  const ends files = test::make_pair(SOCK_STREAM);
  char byte = 0;
  auto user = weft::spawn([&] { static_cast<void>(::read(files.in, &byte, 1)); });
  weft::this_fiber::yield();  // it waits
  REQUIRE(::write(files.out, "x", 1) == 1);
  user.join();  // and has found out that it does
  int on = 1;
  t.make({.call = [&] { return ::ioctl(files.in, FIONBIO, &on); },
          .is_right = [&](long result) { return result == 0 && ::read(files.in, &byte, 1) == -1 && errno == EAGAIN; }});
}

const hooked_case all_of_numbers[] = {
    {"close", "", [](trial& t) { close_under_a_reader(t, ::close); }},
    {"close_range", "", [](trial& t) { close_under_a_reader(t, by_range); }},
    {"closefrom", "", [](trial& t) { close_under_a_reader(t, from_there_on); }},
    {"dup", "", [](trial& t) { make_one(t, by_dup); }},
    {"fcntl", "a duplicate", [](trial& t) { make_one(t, by_fcntl_dup); }},
    {"fcntl64", "a duplicate", [](trial& t) { make_one(t, by_fcntl64_dup); }},
    {"socket", "", [](trial& t) { make_one(t, by_socket); }},
    {"eventfd", "", [](trial& t) { make_one(t, by_eventfd); }},
    {"timerfd_create", "", [](trial& t) { make_one(t, by_timerfd); }},
    {"pipe", "", [](trial& t) { make_two(t, by_pipe); }},
    {"pipe2", "", [](trial& t) { make_two(t, by_pipe2); }},
    {"socketpair", "", [](trial& t) { make_two(t, by_socketpair); }},
    {"dup2", "", [](trial& t) { replace(t, by_dup2); }},
    {"dup3", "", [](trial& t) { replace(t, by_dup3); }},
    {"setsockopt", "", set_a_timeout},
    {"ioctl", "", make_nonblocking},
};

}  // namespace

const std::span<const hooked_case> cases_of_numbers = all_of_numbers;

}  // namespace weft::faults::hooked
