// SPDX-License-Identifier: BSL-1.0
// SIGPIPE: a write that nobody can read raises it.
#include <doctest/doctest.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "hooks/files.hpp"
#include "hooks/stage.hpp"
#include "support/alone.hpp"

using namespace weft::test;

namespace {

std::atomic<int> raised{0};

class sigpipe_counted {
 public:
  sigpipe_counted() {
    raised = 0;
    before_ = std::signal(SIGPIPE, [](int) { raised.fetch_add(1); });
  }
  ~sigpipe_counted() { std::signal(SIGPIPE, before_); }

 private:
  void (*before_)(int);
};

// On a fiber it is raised for another thread of the process, which may take it a little later.
void note_raised(transcript& says, int expected) {
  while (raised < expected) std::this_thread::yield();
  says.note("raised " + std::to_string(raised));
}

}  // namespace

WEFT_SCENARIO("a write that nobody can read raises SIGPIPE and says EPIPE") {
  const sigpipe_counted handler;
  int expected = 0;
  for (const maker make : {&a_pipe, &a_stream}) {
    ends files = make();
    files.in.close();
    char byte = 'x';
    iovec part{&byte, 1};
    WEFT_CALL(s.says(), write, files.out, &byte, 1);
    note_raised(s.says(), ++expected);
    WEFT_CALL(s.says(), writev, files.out, &part, 1);
    note_raised(s.says(), ++expected);
    if (make == &a_pipe) continue;
    WEFT_CALL(s.says(), send, files.out, &byte, 1, 0);
    note_raised(s.says(), ++expected);
    WEFT_CALL(s.says(), send, files.out, &byte, 1, MSG_DONTWAIT);
    note_raised(s.says(), ++expected);
    WEFT_CALL(s.says(), send, files.out, &byte, 1, MSG_NOSIGNAL);
    note_raised(s.says(), expected);
    WEFT_CALL(s.says(), send, files.out, &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    note_raised(s.says(), expected);
  }
}

WEFT_SCENARIO("a reader that goes away in the middle of a write leaves what was written") {
  const sigpipe_counted handler;
  ends files = make_pair(SOCK_STREAM);
  const std::string text = pattern(2'000'000);
  auto& writer = s.start([&](transcript& says) {
    const ssize_t written = WEFT_CALL(says, write, files.out, text.data(), text.size());
    says.instead(written > 0 && written < 2'000'000 ? "a part" : "not a part");
    WEFT_CALL(says, write, files.out, text.data(), text.size());
  });
  writer.until_it_waits();
  files.in.close();
  writer.join();
  note_raised(s.says(), 1);
}

TEST_CASE("a message that nobody can read raises no SIGPIPE") {
  sigset_t only, before;
  sigemptyset(&only);
  sigaddset(&only, SIGPIPE);
  REQUIRE(::pthread_sigmask(SIG_BLOCK, &only, &before) == 0);
  const auto is_raised = [] {
    sigset_t pending;
    REQUIRE(::sigpending(&pending) == 0);
    return ::sigismember(&pending, SIGPIPE) == 1;
  };
  weft::run([&] {
    for (const maker make : {&datagrams, &records, &a_stream}) {
      const ends files = make();
      ::shutdown(files.out, SHUT_RDWR);
      CHECK(::write(files.out, "x", 1) == -1);
      CHECK(is_raised() == (make == &a_stream));
      CHECK(::send(files.out, "x", 1, 0) == -1);
      CHECK(::send(files.out, "x", 1, MSG_DONTWAIT) == -1);
      CHECK(errno == EPIPE);
      CHECK(is_raised() == (make == &a_stream));
    }
  });
  constexpr timespec none{};
  CHECK(::sigtimedwait(&only, nullptr, &none) == SIGPIPE);
  REQUIRE(::pthread_sigmask(SIG_SETMASK, &before, nullptr) == 0);
}

WEFT_SCENARIO("SIGPIPE that is ignored is only EPIPE") {
  auto* const before = std::signal(SIGPIPE, SIG_IGN);
  for (const maker make : {&a_pipe, &a_stream}) {
    ends files = make();
    files.in.close();
    WEFT_CALL(s.says(), write, files.out, "x", 1);
  }
  std::signal(SIGPIPE, before);
}

TEST_CASE("a look takes no signals on a worker, whatever its mask") {
  sigset_t only, all_but, before;
  sigemptyset(&only);
  sigaddset(&only, SIGUSR1);
  sigfillset(&all_but);
  sigdelset(&all_but, SIGUSR1);
  REQUIRE(::pthread_sigmask(SIG_BLOCK, &only, &before) == 0);
  static std::atomic<int> taken_by;
  taken_by = 0;
  auto* const handler = std::signal(SIGUSR1, [](int) { taken_by = gettid(); });
  const fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  weft::run(
      [&] {
        ::kill(::getpid(), SIGUSR1);
        const timespec no_time{};
        epoll_event event{};
        CHECK(::ppoll(nullptr, 0, &no_time, &all_but) == 0);
        CHECK(::pselect(0, nullptr, nullptr, nullptr, &no_time, &all_but) == 0);
        CHECK(::epoll_pwait(epoll, &event, 1, 0, &all_but) == 0);
        CHECK(::epoll_pwait2(epoll, &event, 1, &no_time, &all_but) == 0);
        CHECK(taken_by != gettid());
      },
      {.workers = 1});
  REQUIRE(::pthread_sigmask(SIG_SETMASK, &before, nullptr) == 0);  // who has it now may take it
  std::signal(SIGUSR1, handler);
}

TEST_CASE("SIGPIPE kills a program that does not care" * doctest::skip()) {
  weft::run([] {
    ends files = make_pipe();
    files.in.close();
    ::write(files.out, "x", 1);
    for (;;) ::usleep(1'000'000);
  });
}

TEST_CASE("a write on a fiber that nobody can read ends the program, as on a thread") {
  CHECK(run_alone("SIGPIPE kills a program that does not care").signal == SIGPIPE);
}
