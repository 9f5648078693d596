// SPDX-License-Identifier: BSL-1.0
// Waiting for children: by number, any of them, how they ended; and system(3).
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string>
#include <weft/hooks.hpp>
#include <weft/weft.hpp>

#include "hooks/files.hpp"
#include "hooks/stage.hpp"
#include "support/temporary.hpp"

using namespace weft::test;

namespace {

// A child that ends with `status` when it is told to.
struct child {
  explicit child(int status) : way(make_pipe()) {
    number = ::fork();
    REQUIRE(number >= 0);
    if (number > 0) return;
    char byte = 0;
    ::_exit(::read(way.in, &byte, 1) == 1 ? status : 99);
  }
  void end() { REQUIRE(::write(way.out, "x", 1) == 1); }

  ends way;
  pid_t number;
};

void note_status(transcript& says, pid_t got, pid_t expected, int status) {
  says.instead(got == expected ? "the child" : got < 0 ? "an error " + std::to_string(errno) : "another");
  if (got > 0 && WIFEXITED(status)) says.note("ended with " + std::to_string(WEXITSTATUS(status)));
  if (got > 0 && WIFSIGNALED(status)) says.note("killed by " + std::to_string(WTERMSIG(status)));
  if (got > 0 && WIFSTOPPED(status)) says.note("stopped by " + std::to_string(WSTOPSIG(status)));
}

}  // namespace

WEFT_SCENARIO("a child is waited for by its number") {
  child one(3), two(4), three(5);
  auto& waiter = s.start([&](transcript& says) {
    int status = 0;
    rusage used{};
    note_status(says, WEFT_CALL(says, waitpid, one.number, &status, 0), one.number, status);
    note_status(says, WEFT_CALL(says, wait4, two.number, &status, 0, &used), two.number, status);
    siginfo_t what{};
    WEFT_CALL(says, waitid, P_PID, id_t(three.number), &what, WEXITED);
    says.note(what.si_pid == three.number ? "the child " + std::to_string(what.si_status) : "another");
  });
  waiter.until_it_waits(1);
  one.end();
  waiter.until_it_waits(2);
  two.end();
  waiter.until_it_waits(3);
  three.end();
  waiter.join();
}

WEFT_SCENARIO("a child that has ended is there at once, and once only") {
  child one(7);
  one.end();
  siginfo_t what{};
  WEFT_CALL(s.says(), waitid, P_PID, id_t(one.number), &what, WEXITED | WNOWAIT);
  int status = 0;
  note_status(s.says(), WEFT_CALL(s.says(), waitpid, one.number, &status, WNOHANG), one.number, status);
  WEFT_CALL(s.says(), waitpid, one.number, &status, 0);
  WEFT_CALL(s.says(), waitid, P_PID, id_t(one.number), &what, WEXITED);
  WEFT_CALL(s.says(), waitpid, 1, &status, 0);
  WEFT_CALL(s.says(), waitpid, 1, &status, 0x4000);
}

WEFT_SCENARIO("a child by a pidfd that does not block is not waited for") {
  child one(3);
  const fd number(int(::syscall(SYS_pidfd_open, one.number, O_NONBLOCK)));
  REQUIRE(number >= 0);
  constexpr auto by_pidfd = idtype_t(3);  // P_PIDFD, for which older libcs have no name
  siginfo_t what{};
  WEFT_CALL(s.says(), waitid, by_pidfd, id_t(int(number)), &what, WEXITED);
  set_nonblocking(number, false);
  auto& waiter = s.start([&](transcript& says) {
    WEFT_CALL(says, waitid, by_pidfd, id_t(int(number)), &what, WEXITED);
    says.note(what.si_pid == one.number ? "the child " + std::to_string(what.si_status) : "another");
  });
  waiter.until_it_waits();
  one.end();
  waiter.join();
}

WEFT_SCENARIO("any child, when it is only one") {
  for (int form = 0; form < 3; ++form) {
    child one(form);
    auto& waiter = s.start([&](transcript& says) {
      int status = 0;
      rusage used{};
      const pid_t got = form == 0   ? WEFT_CALL(says, wait, &status)
                        : form == 1 ? WEFT_CALL(says, wait3, &status, 0, &used)
                                    : WEFT_CALL(says, waitpid, -1, &status, 0);
      note_status(says, got, one.number, status);
    });
    waiter.until_it_waits();
    one.end();
    waiter.join();
  }
  int status = 0;
  WEFT_CALL(s.says(), wait, &status);
}

WEFT_SCENARIO("a child that is stopped, goes on and is killed") {
  child one(0);
  auto& waiter = s.start([&](transcript& says) {
    int status = 0;
    note_status(says, WEFT_CALL(says, waitpid, one.number, &status, WUNTRACED), one.number, status);
    note_status(says, WEFT_CALL(says, waitpid, one.number, &status, 0), one.number, status);
  });
  waiter.until_it_waits(1);
  REQUIRE(::kill(one.number, SIGSTOP) == 0);
  waiter.until_it_waits(2);
  REQUIRE(::kill(one.number, SIGKILL) == 0);
  waiter.join();
}

WEFT_SCENARIO("system runs a command and says how it ended") {
  WEFT_CALL(s.says(), system, "exit 3");
  WEFT_CALL(s.says(), system, "kill -9 $$");
  WEFT_CALL(s.says(), system, nullptr);
}

TEST_CASE("commands of many fibers run at once, on one worker") {
  weft::run(
      [] {
        // Each waits for the other's file: one after the other they would never end.
        const temporary_directory directory;
        const auto meets = [&at = directory.path()](char mine, char other) {
          const std::string command = std::string("touch ") + at + "/" + mine + "; while ! [ -e " + at + "/" + other +
                                      " ]; do sleep 0.01; done";
          return ::system(command.c_str());
        };
        auto first = weft::spawn([&] { return meets('a', 'b'); }),
             second = weft::spawn([&] { return meets('b', 'a'); });
        CHECK(first.join() == 0);
        CHECK(second.join() == 0);
      },
      {.workers = 1});
}

TEST_CASE("who waits for a child can be cancelled") {
  weft::run([] {
    child one(0);
    for (const pid_t whom : {one.number, pid_t(-1)}) {
      auto waiter = weft::spawn([whom] {
        CHECK(::waitpid(whom, nullptr, 0) == -1);
        CHECK(errno == ECANCELED);
      });
      while (weft::stats().parked == 0) weft::this_fiber::yield();
      waiter.cancel();
      waiter.join();
    }
    one.end();
    CHECK(::waitpid(one.number, nullptr, 0) == one.number);
  });
}
