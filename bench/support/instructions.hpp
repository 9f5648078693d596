// SPDX-License-Identifier: BSL-1.0
// How many instructions of the program's something takes, exactly: a child does it, and we let it go step by step.
// Needs no counter of the processor's, which virtual machines often do not have.
#pragma once

#include "report.hpp"

#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace bench {

// The instructions of `what()` and of the two signals around it, the same for whatever is counted: take differences.
template <class What> long counted_instructions(const What& what) {
  constexpr int mark = SIGUSR1;
  constexpr long too_many = 1'000'000;
  const pid_t child = fork();
  expect(child >= 0, "fork");
  if (child == 0) {
    const pid_t self = getpid();
    ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    kill(self, mark);
    what();
    kill(self, mark);
    _exit(0);
  }
  long count = -1;  // the first mark is none of them
  for (int marks = 0; marks < 2; ++count) {
    int status = 0;
    expect(waitpid(child, &status, 0) == child && WIFSTOPPED(status) && count < too_many, "a traced child went astray");
    if (WSTOPSIG(status) == mark) ++marks;
    if (marks < 2) expect(ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr) == 0, "ptrace");
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  return count;
}

}  // namespace bench
