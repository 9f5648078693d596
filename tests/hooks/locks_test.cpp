// SPDX-License-Identifier: BSL-1.0
// Locks on files, and disks.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>
#include <weft/hooks.hpp>
#include <weft/weft.hpp>

#include "hooks/files.hpp"
#include "hooks/stage.hpp"
#include "support/temporary.hpp"

using namespace weft::test;

namespace {

// A file, opened twice: two owners of locks.
struct opened_twice {
  opened_twice() {
    const temporary_file file;
    first = fd(::open(file.name(), O_RDWR | O_CLOEXEC));
    REQUIRE(first >= 0);
    second = fd(::open(file.name(), O_RDWR | O_CLOEXEC));
    REQUIRE(second >= 0);
  }
  fd first, second;
};

struct flock whole(short type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

}  // namespace

WEFT_SCENARIO("a flock waits until the other one lets go") {
  opened_twice file;
  WEFT_CALL(s.says(), flock, file.first, LOCK_EX);
  auto& second = s.start([&](transcript& says) {
    WEFT_CALL(says, flock, file.second, LOCK_EX | LOCK_NB);
    WEFT_CALL(says, flock, file.second, LOCK_SH);
    WEFT_CALL(says, flock, file.second, LOCK_UN);
  });
  second.until_it_waits(2);
  WEFT_CALL(s.says(), flock, file.first, LOCK_UN);
  second.join();
  WEFT_CALL(s.says(), flock, -1, LOCK_EX);
  WEFT_CALL(s.says(), flock, file.first, 77);
}

WEFT_SCENARIO("a lock of an open file waits until the other one lets go") {
  opened_twice file;
  struct flock exclusive = whole(F_WRLCK), none = whole(F_UNLCK);
  WEFT_CALL(s.says(), fcntl, file.first, F_OFD_SETLKW, &exclusive);
  auto& second = s.start([&](transcript& says) {
    struct flock wanted = whole(F_RDLCK);
    WEFT_CALL(says, fcntl, file.second, F_OFD_SETLK, &wanted);
    WEFT_CALL(says, fcntl, file.second, F_OFD_SETLKW, &wanted);
    WEFT_CALL(says, fcntl64, file.second, F_OFD_SETLKW, &wanted);
  });
  second.until_it_waits(2);
  WEFT_CALL(s.says(), fcntl, file.first, F_OFD_SETLK, &none);
  second.join();
}

WEFT_SCENARIO("a lock of a process waits until the other process lets go") {
  opened_twice file;
  const ends way = make_pipe(), back = make_pipe();
  const pid_t child = ::fork();
  if (child == 0) {
    struct flock exclusive = whole(F_WRLCK);
    char byte = ::fcntl(file.first, F_SETLK, &exclusive) == 0 ? 'y' : 'n';
    ::write(back.out, &byte, 1);
    ::read(way.in, &byte, 1);
    ::_exit(0);
  }
  char byte = 0;
  REQUIRE(::read(back.in, &byte, 1) == 1);
  REQUIRE(byte == 'y');
  auto& waiter = s.start([&](transcript& says) {
    struct flock wanted = whole(F_WRLCK);
    WEFT_CALL(says, fcntl, file.second, F_SETLK, &wanted);
    WEFT_CALL(says, fcntl, file.second, F_SETLKW, &wanted);
    WEFT_CALL(says, lockf, file.second, F_LOCK, 0);
    WEFT_CALL(says, lockf64, file.second, F_LOCK, 0);
    WEFT_CALL(says, lockf, file.second, F_ULOCK, 0);
  });
  waiter.until_it_waits(2);
  REQUIRE(::write(way.out, "x", 1) == 1);
  waiter.join();
  REQUIRE(::waitpid(child, nullptr, 0) == child);
}

TEST_CASE("a file is brought to the disk without letting others run, who may want a lock that is held meanwhile") {
  weft::run(
      [] {
        opened_twice file;
        bool held = false;
        std::vector<weft::fiber<void>> writers;
        for (int i = 0; i < 4; ++i) {
          writers.push_back(weft::spawn([&] {
            CHECK_FALSE(held);
            held = true;
            CHECK(::write(file.first, "text", 4) == 4);
            CHECK((::fsync(file.first) == 0 && ::fdatasync(file.second) == 0 && ::syncfs(file.second) == 0));
            held = false;
          }));
        }
        for (auto& w : writers) w.join();
      },
      {.workers = 1});
}

TEST_CASE("who waits for a lock can be cancelled") {
  weft::run([] {
    opened_twice file;
    REQUIRE(::flock(file.first, LOCK_EX) == 0);
    struct flock exclusive = whole(F_WRLCK);
    REQUIRE(::fcntl(file.first, F_OFD_SETLK, &exclusive) == 0);
    for (const bool by_flock : {true, false}) {
      auto waiter = weft::spawn([&] {
        CHECK((by_flock ? ::flock(file.second, LOCK_EX) : ::fcntl(file.second, F_OFD_SETLKW, &exclusive)) == -1);
        CHECK(errno == ECANCELED);
      });
      while (weft::stats().parked == 0) weft::this_fiber::yield();
      waiter.cancel();
      waiter.join();
    }
  });
}
