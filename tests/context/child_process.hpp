// SPDX-License-Identifier: BSL-1.0
// Runs a function in a forked child, for what must not happen to the test program itself.
#pragma once

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

namespace weft::test {

struct child_end {
  int signal = 0;    // that killed it, 0: none
  int status = -1;   // with which it exited
  std::string said;  // on its stderr
};

// The child exits with what f returns.
template <class F> child_end in_child(F f) {
  int ends[2];
  child_end result;
  if (pipe(ends) != 0) return result;
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    signal(SIGSEGV, SIG_DFL);  // not the sanitizer's or the test framework's: they would report before it dies
    signal(SIGBUS, SIG_DFL);
    alarm(60);
    _exit(f());
  }
  close(ends[1]);
  char buffer[4096];
  for (ssize_t got; (got = read(ends[0], buffer, sizeof buffer)) > 0;) result.said.append(buffer, std::size_t(got));
  close(ends[0]);
  int state = 0;
  waitpid(child, &state, 0);
  if (WIFSIGNALED(state)) result.signal = WTERMSIG(state);
  if (WIFEXITED(state)) result.status = WEXITSTATUS(state);
  return result;
}

}  // namespace weft::test
