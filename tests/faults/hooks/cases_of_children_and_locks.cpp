// SPDX-License-Identifier: BSL-1.0
// Calls that wait for a child, or for a lock on a file.
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "faults/hooks/trial.hpp"
#include "hooks/files.hpp"
#include "support/temporary.hpp"

// By their own names also where these mean the ones of 64 bits.
extern "C" {
int plain_fcntl(int, int, ...) asm("fcntl");
int plain_lockf(int, int, off_t) asm("lockf");
}

namespace weft::faults::hooked {
namespace {

using test::ends;
using test::fd;

constexpr int how_it_ends = 9;

// Ends when its standard input does.
struct child {
  child() : input(test::make_pipe()) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input.in, STDIN_FILENO);
    std::string command = "read line; exit " + std::to_string(how_it_ends);
    char shell[] = "sh", flag[] = "-c";
    char* const words[] = {shell, flag, command.data(), nullptr};
    REQUIRE(::posix_spawn(&number, "/bin/sh", &actions, nullptr, words, environ) == 0);
    posix_spawn_file_actions_destroy(&actions);
    input.in.close();
  }
  ends input;
  pid_t number = -1;
};

void await_a_child(trial& t, pid_t (*wait)(pid_t child, int* status)) {
  child one;
  int status = 0;
  t.make(
      {.call = [&] { return wait(one.number, &status); },
       .is_right =
           [&](long ended) { return ended == one.number && WIFEXITED(status) && WEXITSTATUS(status) == how_it_ends; },
       .meanwhile = [&] { one.input.out.close(); }});
}

pid_t by_wait(pid_t, int* status) { return ::wait(status); }
pid_t by_wait3(pid_t, int* status) { return ::wait3(status, 0, nullptr); }
pid_t by_wait4(pid_t child, int* status) { return ::wait4(child, status, 0, nullptr); }
pid_t by_waitpid(pid_t child, int* status) { return ::waitpid(child, status, 0); }
pid_t by_waitid(pid_t child, int* status) {
  siginfo_t told{};
  if (::waitid(P_PID, id_t(child), &told, WEXITED) != 0) return -1;
  *status = told.si_status << 8;
  return told.si_pid;
}

bool has_ended_so(long child) {
  int status = 0;
  return ::waitpid(pid_t(child), &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == how_it_ends;
}

void make_by_vfork(trial& t) {
  t.make({.call =
              [] {
                const pid_t made = ::vfork();
                if (made == 0) ::_exit(how_it_ends);
                return long(made);
              },
          .is_right = &has_ended_so});
}

void make_by_clone(trial& t) {
  std::vector<std::max_align_t> ground(std::size_t(64) * 1024 / sizeof(std::max_align_t));
  const auto begins = [](void*) { return how_it_ends; };
  t.make({.call =
              [&] {
                return long(::clone(begins, ground.data() + ground.size(), CLONE_VM | CLONE_VFORK | SIGCHLD, nullptr));
              },
          .is_right = &has_ended_so});
}

// A file, opened twice: two owners of locks.
struct twice {
  fd first, second;
  twice() {
    const test::temporary_file file;
    first = fd(::open(file.name(), O_RDWR | O_CLOEXEC));
    second = fd(::open(file.name(), O_RDWR | O_CLOEXEC));
    REQUIRE(second >= 0);
  }
};

void lock_by_flock(trial& t) {
  const twice file;
  REQUIRE(::flock(file.first, LOCK_EX) == 0);
  t.make({.call = [&] { return ::flock(file.second, LOCK_EX); },
          .is_right = [&](long result) { return result == 0 && ::flock(file.first, LOCK_EX | LOCK_NB) == -1; },
          .meanwhile = [&] { REQUIRE(::flock(file.first, LOCK_UN) == 0); }});
}

// A lock of the open file's, which another open file of the same process waits for.
void lock_by(trial& t, int (*control)(int fd, int command, struct flock* what)) {
  const twice file;
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  REQUIRE(control(file.first, F_OFD_SETLK, &whole) == 0);
  t.make({.call = [&] { return control(file.second, F_OFD_SETLKW, &whole); },
          .is_right = [&](long result) { return result == 0 && control(file.first, F_OFD_SETLK, &whole) == -1; },
          .meanwhile =
              [&] {
                struct flock none = whole;
                none.l_type = F_UNLCK;
                REQUIRE(control(file.first, F_OFD_SETLK, &none) == 0);
              }});
}

int by_fcntl(int fd, int command, struct flock* what) { return plain_fcntl(fd, command, what); }
int by_fcntl64(int fd, int command, struct flock* what) { return ::fcntl64(fd, command, what); }

// Locks of a process: nobody holds one here. That somebody does is what its failure says.
void lock_a_part(trial& t, int (*lock)(int fd)) {
  const twice file;
  t.make({.call = [&] { return lock(file.first); }});
}

const hooked_case all_of_children_and_locks[] = {
    {"wait", "", [](trial& t) { await_a_child(t, by_wait); }},
    {"wait3", "", [](trial& t) { await_a_child(t, by_wait3); }},
    {"wait4", "", [](trial& t) { await_a_child(t, by_wait4); }},
    {"waitpid", "", [](trial& t) { await_a_child(t, by_waitpid); }},
    {"waitid", "", [](trial& t) { await_a_child(t, by_waitid); }},
    {"vfork", "", make_by_vfork},
    {"clone", "", make_by_clone},
    {"flock", "", lock_by_flock},
    {"lockf", "", [](trial& t) { lock_a_part(t, [](int fd) { return plain_lockf(fd, F_LOCK, 10); }); }},
    {"lockf64", "", [](trial& t) { lock_a_part(t, [](int fd) { return ::lockf64(fd, F_LOCK, 10); }); }},
    {"fcntl", "a lock", [](trial& t) { lock_by(t, by_fcntl); }},
    {"fcntl64", "a lock", [](trial& t) { lock_by(t, by_fcntl64); }},
};

}  // namespace

const std::span<const hooked_case> cases_of_children_and_locks = all_of_children_and_locks;

}  // namespace weft::faults::hooked
