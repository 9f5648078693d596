// SPDX-License-Identifier: BSL-1.0
// Runs a hidden test case of this very program in a process of its own, for what must not happen to the test program:
// a death, lines on stderr, another environment. Hidden ones are marked doctest::skip(); their names have no comma.
#pragma once

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

namespace weft::test {

struct program_end {
  int signal = 0;    // that killed it, 0: none
  int status = -1;   // with which it exited; 0: its checks held
  std::string said;  // on its stderr
  [[nodiscard]] bool said_this(const char* what) const { return said.find(what) != std::string::npos; }
  [[nodiscard]] std::size_t how_often(const std::string& what) const {
    std::size_t count = 0;
    for (auto at = said.find(what); at != std::string::npos; at = said.find(what, at + what.size())) ++count;
    return count;
  }
};

// `environment`: NAME=value, besides what there is.
inline program_end run_alone(const char* test_case, const std::vector<std::string>& environment = {}) {
  std::vector<std::string> words{"alone", "--no-skip", std::string("--test-case=") + test_case};
  std::vector<char*> arguments, variables;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::vector<std::string> own = environment;
  for (auto& variable : own) variables.push_back(variable.data());
  for (char** v = environ; *v; ++v) {
    bool replaced = false;
    for (const auto& variable : own)
      replaced |= std::string(*v).starts_with(variable.substr(0, variable.find('=') + 1));
    if (!replaced) variables.push_back(*v);
  }
  variables.push_back(nullptr);

  int ends[2];
  program_end result;
  if (pipe2(ends, O_CLOEXEC) != 0) return result;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = -1;
  const int error = posix_spawn(&child, "/proc/self/exe", &actions, nullptr, arguments.data(), variables.data());
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (error == 0) {
    char buffer[4096];
    for (ssize_t got; (got = read(ends[0], buffer, sizeof buffer)) > 0;) result.said.append(buffer, std::size_t(got));
    int state = 0;
    waitpid(child, &state, 0);
    if (WIFSIGNALED(state)) result.signal = WTERMSIG(state);
    if (WIFEXITED(state)) result.status = WEXITSTATUS(state);
  }
  close(ends[0]);
  return result;
}

}  // namespace weft::test
