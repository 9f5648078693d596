// SPDX-License-Identifier: BSL-1.0
// What C and C++ programs call without a thought: streams, sleeps, children; many at once on one worker.
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

#include "clients/company.hpp"
#include "hooks/files.hpp"
#include "support/temporary.hpp"

using namespace weft::clients;
using namespace weft::test;
using namespace std::chrono_literals;

namespace {

// A child that ends with that status when its standard input does.
struct child {
  child(int status, int input) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    std::string command = "read line; exit " + std::to_string(status);
    char shell[] = "sh", flag[] = "-c";
    char* const words[] = {shell, flag, command.data(), nullptr};
    REQUIRE(::posix_spawn(&number, "/bin/sh", &actions, nullptr, words, environ) == 0);
    posix_spawn_file_actions_destroy(&actions);
  }
  pid_t number = -1;
};

}  // namespace

TEST_CASE("fibers of one worker wait for as many children, which end when all are waited for") {
  on_one_worker([] {
    constexpr int count = 30;
    ends gate = make_pipe();
    int waiting = 0, ended = 0;
    weft::with_scope([&](weft::scope& all) {
      for (int i = 0; i < count; ++i) {
        all.spawn([&, i] {
          const child one(i, gate.in);
          ++waiting;
          int status = 0;
          CHECK(::waitpid(one.number, &status, 0) == one.number);
          CHECK(WEXITSTATUS(status) == i);
          ++ended;
        });
      }
      until([&] { return waiting == count; });
      CHECK(ended == 0);
      gate.out.close();
    });
    CHECK(ended == count);
  });
}

TEST_CASE("system runs elsewhere while other fibers of the worker go on") {
  on_one_worker([] {
    const ends tells = make_pipe();
    const int input = tells.in;
    REQUIRE(::fcntl(input, F_SETFD, 0) == 0);  // the child inherits it
    const std::string command = "read line </proc/self/fd/" + std::to_string(input) + "; exit 7";
    int status = -1;
    auto runs = weft::spawn([&] { status = std::system(command.c_str()); });
    while (weft::stats().parked == 0) weft::this_fiber::yield();
    CHECK(::write(tells.out, "go\n", 3) == 3);
    runs.join();
    CHECK(WEXITSTATUS(status) == 7);
  });
}

TEST_CASE("std::this_thread sleeps are the fiber's own") {
  on_one_worker([] {
    constexpr int count = 1'000;
    int asleep = 0, most = 0, woken = 0;
    by_each(count, [&](int i) {
      most = std::max(most, ++asleep);
      std::this_thread::sleep_for(std::chrono::milliseconds(10 + i % 5));
      --asleep;
      ++woken;
    });
    CHECK(most > 1);  // if they slept with their worker there would never be two
    CHECK(woken == count);
  });
}

TEST_CASE("an std::ifstream reads a FIFO whose writer is a fiber of the same worker") {
  on_one_worker([] {
    const temporary_directory directory;
    const std::string name = directory.file("fifo");
    REQUIRE(::mkfifo(name.c_str(), 0600) == 0);
    // Open for both, so that no open waits for the other side.
    fd both(::open(name.c_str(), O_RDWR | O_CLOEXEC));
    std::string got;
    auto reader = weft::spawn([&] {
      std::ifstream file(name);
      for (std::string line; std::getline(file, line);) got += "[" + line + "]";
    });
    for (const char* line : {"first\n", "second\n"}) {
      while (weft::stats().parked == 0) weft::this_fiber::yield();
      CHECK(::write(both, line, std::strlen(line)) == ssize_t(std::strlen(line)));
      weft::this_fiber::yield();
    }
    both.close();
    reader.join();
    CHECK(got == "[first][second]");
  });
}

TEST_CASE("an std::ofstream and an std::ifstream of a file, by many fibers") {
  on_one_worker([] {
    const std::string text = pattern(300'000);
    const temporary_file made(text);
    by_each(20, [&](int) {
      std::ifstream file(made.path());
      CHECK(std::string(std::istreambuf_iterator<char>(file), {}) == text);
    });
  });
}
