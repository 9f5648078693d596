// SPDX-License-Identifier: BSL-1.0
// Children of a program whose fibers wait: they get ordinary blocking files, and leave the parent's state alone.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netdb.h>
#include <sched.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <string>
#include <vector>

#include "hooks/files.hpp"
#include "hooks/stage.hpp"
#include "support/alone.hpp"
#include "support/scale.hpp"

using namespace weft::test;

namespace {

// The exit status.
int end_of(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, WNOHANG) == 0) weft::this_fiber::yield();
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// A reader in the parent, whom nothing that a child does may wake or deafen.
class bystander {
 public:
  explicit bystander(stage& s) : files_(make_pair(SOCK_STREAM)), s_(s) {
    reader_ = &s.start([this](transcript& says) {
      char byte = 0;
      for (int i = 0; i < 2; ++i) WEFT_CALL(says, read, files_.in, &byte, 1);
    });
    reader_->until_it_waits(1);
    WEFT_CALL(s.says(), write, files_.out, "x", 1);
    reader_->until_it_waits(2);
  }
  void is_still_there() {
    reader_->until_it_waits(2);
    WEFT_CALL(s_.says(), write, files_.out, "x", 1);
    reader_->join();
  }

 private:
  ends files_;
  stage& s_;
  actor* reader_;
};

int close_all() {
  for (int fd = 3; fd < 1024; ++fd) ::close(fd);
  return 0;
}

}  // namespace

WEFT_SCENARIO("a child of fork reads and writes blocking files") {
  bystander other(s);
  const ends to_child = make_pipe(), from_child = make_pipe();
  const pid_t child = ::fork();
  if (child == 0) {
    char text[16];
    int wrong = weft::this_fiber::on_fiber();
    wrong += (::fcntl(to_child.in, F_GETFL) & O_NONBLOCK) != 0;
    for (int i = 0; i < 2; ++i) {
      const ssize_t got = ::read(to_child.in, text, sizeof text);
      wrong += got != 4;
      wrong += ::write(from_child.out, text, std::size_t(got > 0 ? got : 0)) != got;
    }
    ::_exit(wrong);
  }
  char text[16];
  for (int i = 0; i < 2; ++i) {
    WEFT_CALL(s.says(), write, to_child.out, "ping", 4);
    s.says().note(text_of(text, WEFT_CALL(s.says(), read, from_child.in, text, sizeof text)));
  }
  s.says().note("ended with " + std::to_string(end_of(child)));
  other.is_still_there();
}

WEFT_SCENARIO("a child of fork closes all that it does not know") {
  bystander other(s);
  for (const bool by_range : {false, true}) {
    const pid_t child = ::fork();
    if (child == 0) {
      if (by_range) ::close_range(3, ~0u, 0);
      const int both = ::dup(1);
      ::dup2(1, both + 1);
      ::closefrom(3);
      ::_exit(close_all());
    }
    s.says().note("ended with " + std::to_string(end_of(child)));
  }
  other.is_still_there();
}

namespace {

constexpr int many = 50;  // more than a fiber may do without letting others run

// What a child does that has the parent's memory and files of its own. Returns its exit status.
struct child_within {
  int in, silent;
  int operator()() const {
    char text[many];
    int wrong = ::dup2(in, silent) != silent;
    for (char& each : text) wrong += ::read(silent, &each, 1) != 1;
    wrong += ::usleep(1) != 0;
    close_all();
    return wrong;
  }
};

// `makes` one, waits for it and returns its exit status.
void play_child_within(stage& s, const char* function, int (*makes)(const child_within&)) {
  bystander other(s);
  const ends files = make_pipe(), silent = make_pipe();
  // Known to the parent by its number, which is another file's in the child.
  char byte = 0;
  auto& reader = s.start([&](transcript& says) { WEFT_CALL(says, read, silent.in, &byte, 1); });
  reader.until_it_waits();
  const pid_t parent = ::getpid();
  std::atomic<bool> over{false};
  std::atomic<int> runs_in_child{0};
  auto& spinner = s.start([&](transcript&) {
    for (; !over; weft::this_fiber::yield()) runs_in_child += ::getpid() != parent;
  });
  const child_within its{files.in, silent.in};
  for (int times = 0; times < 2; ++times) {  // the second one as much as the first
    WEFT_CALL(s.says(), write, files.out, "from the child, which reads it byte by byte, slowly", many);
    s.says().call(function, [&] { return makes(its); });
  }
  over = true;
  spinner.join();
  CHECK(runs_in_child == 0);
  reader.until_it_waits();
  WEFT_CALL(s.says(), write, silent.out, "x", 1);
  reader.join();
  other.is_still_there();
}

}  // namespace

WEFT_SCENARIO("a child of vfork closes, duplicates and reads, and the parent does not notice") {
  play_child_within(s, "vfork", [](const child_within& does) {
    const pid_t child = ::vfork();
    if (child == 0) ::_exit(does());
    return end_of(child);
  });
}

// To TSan a child that has the memory is one that has a copy: it would go on in the parent as it is to in the child.
constexpr int with_the_memory = weft::test::active_sanitizer == weft::test::sanitizer::thread ? 0 : CLONE_VM;

WEFT_SCENARIO("a child of clone that has the parent's memory does, and the parent does not notice") {
  play_child_within(s, "clone", [](const child_within& does) {
    std::vector<std::max_align_t> ground(std::size_t(256) * 1024 / sizeof(std::max_align_t));
    const auto begins = [](void* what) { return (*static_cast<const child_within*>(what))(); };
    return end_of(::clone(begins, ground.data() + ground.size(), with_the_memory | CLONE_VFORK | SIGCHLD,
                          const_cast<child_within*>(&does)));
  });
}

// With its parent's variables, but called its own.
static void play_child_beside(stage& s) {
  play_child_within(s, "clone", [](const child_within& does) {
    std::vector<std::max_align_t> ground(std::size_t(256) * 1024 / sizeof(std::max_align_t));
    const auto begins = [](void* what) { return (*static_cast<const child_within*>(what))(); };
    pid_t number = 0;
    const pid_t child = ::clone(begins, ground.data() + ground.size(),
                                with_the_memory | CLONE_VFORK | CLONE_SETTLS | CLONE_PARENT_SETTID | SIGCHLD,
                                const_cast<child_within*>(&does), &number, __builtin_thread_pointer(), nullptr);
    CHECK(number == child);
    return end_of(child);
  });
}

TEST_CASE("alone: children of clone that have the memory and variables of their own" * doctest::skip()) {
  weft::test::compare(&play_child_beside);
}

TEST_CASE("what a child of clone does that has the memory and variables of its own the parent does not notice") {
  const auto end = weft::test::run_alone("alone: children of clone that have the memory and variables of their own");
  CHECK(end.signal == 0);
  CHECK(end.status == 0);
}

TEST_CASE("a child that is made behind libc's back runs none of its parent's fibers") {
  weft::run(
      [] {
        int runs = 0;
        auto another = weft::spawn([&] { ++runs; });
        const auto child = pid_t(::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr));
        if (child == 0) {
          ::usleep(1);
          ::_exit(runs);  // of its own copy
        }
        CHECK(runs == 0);
        CHECK(end_of(child) == 0);
        another.join();
      },
      {.workers = 1});
}

TEST_CASE("what a child of vfork finds out about a file of its own is not taken for the parent's") {
  weft::run(
      [] {
        const ends mine = make_pair(SOCK_STREAM), its = make_pair(SOCK_STREAM);
        char byte = 0;
        set_nonblocking(mine.in, true);
        const auto fails_at_once = [&] { return ::read(mine.in, &byte, 1) == -1 && errno == EAGAIN; };
        CHECK(fails_at_once());
        constexpr timeval moment{0, 1'000};
        REQUIRE(::setsockopt(its.in, SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof moment) == 0);
        const pid_t child = ::vfork();
        if (child == 0) ::_exit(::dup2(its.in, mine.in) == mine.in && fails_at_once() ? 0 : 1);
        CHECK(end_of(child) == 0);
        bool has_another_run = false;
        auto another = weft::spawn([&] { has_another_run = true; });
        CHECK(fails_at_once());
        CHECK_FALSE(has_another_run);
        another.join();
      },
      {.workers = 1});
}

TEST_CASE("a child of vfork that asks for a name runs none of its parent's fibers") {
  weft::run(
      [] {
        const pid_t parent = ::getpid();
        int runs_in_child = 0;
        auto another = weft::spawn([&] { runs_in_child += ::getpid() != parent; });
        const pid_t child = ::vfork();
        if (child == 0) {
          hostent host{}, *found = nullptr;
          char room[1024];
          int reason = 0;
          ::_exit(::gethostbyname_r("127.0.0.1", &host, room, sizeof room, &found, &reason) == ERANGE ? 1 : 0);
        }
        CHECK(end_of(child) == 0);
        another.join();
        CHECK(runs_in_child == 0);
      },
      {.workers = 1});
}

WEFT_SCENARIO("a program that is started by posix_spawn gets blocking files") {
  bystander other(s);
  for (const maker make : {&a_pipe, &a_stream}) {
    ends to_child = make(), from_child = make();
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, to_child.in, 0);
    posix_spawn_file_actions_adddup2(&actions, from_child.out, 1);
    char program[] = "/bin/cat";
    const std::array<char*, 2> arguments{program, nullptr};
    pid_t child = -1;
    REQUIRE(::posix_spawn(&child, program, &actions, nullptr, arguments.data(), environ) == 0);
    posix_spawn_file_actions_destroy(&actions);
    to_child.in.close();
    from_child.out.close();
    char text[16];
    for (const char* word : {"one", "two"}) {
      WEFT_CALL(s.says(), write, to_child.out, word, 3);
      s.says().note(text_of(text, WEFT_CALL(s.says(), read, from_child.in, text, sizeof text)));
    }
    to_child.out.close();
    WEFT_CALL(s.says(), read, from_child.in, text, sizeof text);
    s.says().note("ended with " + std::to_string(end_of(child)));
  }
  other.is_still_there();
}

WEFT_SCENARIO_OF_RACES("closefrom closes from a number on, and wakes who waits there") {
  ends files = make_pipe();
  const int high = ::fcntl(files.in, F_DUPFD_CLOEXEC, 900);
  auto& reader = s.start([&](transcript& says) {
    char byte = 'x';
    WEFT_CALL(says, read, high, &byte, 1);
    says.differs("a close wakes who waits", "read = 1", "read = -1 EBADF");
  });
  reader.until_it_waits();
  s.says().call("closefrom", [&] {
    ::closefrom(900);
    return 0;
  });
  if (!s.on_fibers()) REQUIRE(::write(files.out, "x", 1) == 1);
  reader.join();
}
