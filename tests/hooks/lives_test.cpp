// SPDX-License-Identifier: BSL-1.0
// Numbers that are duplicated, closed, used again, passed on.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "hooks/files.hpp"
#include "hooks/stage.hpp"
#include "support/passing.hpp"
#include "support/scale.hpp"
#include "support/session.hpp"

using namespace weft::test;

namespace {

// Waits for `file`; then `closing` ends the number under it. On a thread that goes unnoticed until the writer writes.
void a_close_wakes(stage& s, ends files, const std::function<void(int)>& closing) {
  auto& reader = s.start([&](transcript& says) {
    char byte = 'x';
    WEFT_CALL(says, read, files.in, &byte, 1);
    says.differs("a close wakes who waits", "read = 1", "read = -1 EBADF");
  });
  reader.until_it_waits();
  closing(files.in);
  if (!s.on_fibers()) REQUIRE(::write(files.out, "x", 1) == 1);
  reader.join();
}

// New files of the lowest numbers, without libc's knowing.
ends pipe_by_number() {
  int both[2] = {-1, -1};
  REQUIRE(::syscall(SYS_pipe2, both, O_CLOEXEC) == 0);
  return {fd(both[0]), fd(both[1])};
}

void meet(stage& s, int in, int out) {
  char byte = 'x';
  auto& reader = s.start([&](transcript& says) { WEFT_CALL(says, read, in, &byte, 1); });
  reader.until_it_waits();
  WEFT_CALL(s.says(), write, out, "y", 1);
  reader.join();
  s.says().note(std::string("got ") + byte);
}

}  // namespace

WEFT_SCENARIO_OF_RACES("a close wakes who waits") {
  for (const maker make : {&a_pipe, &a_stream, &make_tcp, &datagrams}) {
    ends files = make();
    const int number = files.in;
    a_close_wakes(s, std::move(files), [&](int) { WEFT_CALL(s.says(), close, number); });
  }
  ends terminal = make_terminal(true);
  const int number = terminal.in;
  a_close_wakes(s, std::move(terminal), [&](int) { WEFT_CALL(s.says(), close, number); });
}

WEFT_SCENARIO_OF_RACES("dup2 and dup3 over a number wake who waits for it") {
  const fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  a_close_wakes(s, make_pipe(), [&](int number) { WEFT_OPEN(s.says(), dup2, null, number); });
  a_close_wakes(s, make_pipe(), [&](int number) { WEFT_OPEN(s.says(), dup3, null, number, O_CLOEXEC); });
}

WEFT_SCENARIO("what closes nothing, because it fails, wakes nobody") {
  const ends files = make_pipe();
  auto& reader = s.start([&](transcript& says) {
    char byte = 'x';
    WEFT_CALL(says, read, files.in, &byte, 1);
  });
  reader.until_it_waits();
  WEFT_CALL(s.says(), dup2, -1, int(files.in));
  WEFT_CALL(s.says(), dup3, -1, int(files.in), 0);
  WEFT_CALL(s.says(), dup3, int(files.out), int(files.in), O_APPEND);
  WEFT_CALL(s.says(), close_range, unsigned(files.in), unsigned(files.in), 1024);
  reader.until_it_waits();
  WEFT_CALL(s.says(), write, files.out, "y", 1);
  reader.join();
}

WEFT_SCENARIO_OF_RACES("a range of numbers is closed") {
  a_close_wakes(s, make_pipe(),
                [&](int number) { WEFT_CALL(s.says(), close_range, unsigned(number), unsigned(number), 0); });
  const ends files = make_pipe();
  auto& reader = s.start([&](transcript& says) {
    char byte = 'x';
    WEFT_CALL(says, read, files.in, &byte, 1);
  });
  reader.until_it_waits();
  WEFT_CALL(s.says(), close_range, unsigned(files.in), unsigned(files.in), 4);  // CLOSE_RANGE_CLOEXEC closes nothing
  WEFT_CALL(s.says(), close_range, 7u, 6u, 0);
  WEFT_CALL(s.says(), write, files.out, "x", 1);
  reader.join();
  WEFT_CALL(s.says(), close, -1);
}

WEFT_SCENARIO("a number that is closed and used again is the new file's") {
  for (int round = 0; round < 3; ++round) {
    int both[2];
    WEFT_CALL(s.says(), pipe, both);
    meet(s, both[0], both[1]);
    WEFT_CALL(s.says(), close, both[0]);
    WEFT_CALL(s.says(), close, both[1]);
    WEFT_CALL(s.says(), pipe2, both, O_CLOEXEC);
    meet(s, both[0], both[1]);
    ::close(both[0]);
    ::close(both[1]);
    WEFT_CALL(s.says(), socketpair, AF_UNIX, SOCK_STREAM, 0, both);
    meet(s, both[0], both[1]);
    ::close(both[0]);
    ::close(both[1]);
  }
}

WEFT_SCENARIO("a number that is closed behind our back and used again is found out") {
  for (const maker make : {&a_pipe, &a_stream, &make_tcp, &datagrams}) {
    ends files = make();
    meet(s, files.in, files.out);
    const int in = files.in.release(), out = files.out.release();
    ::syscall(SYS_close, in);
    ::syscall(SYS_close, out);
    const ends again = pipe_by_number();
    // Whatever the numbers are: nothing of the old file's may be trusted.
    meet(s, again.in, again.out);
    meet(s, again.in, again.out);
  }
}

TEST_CASE("a wait with a timeout that finds out about a close behind our back leaves no alarm") {
  weft::options with;
  with.workers = workers();
  weft::run(
      [] {
        ends polled = make_pipe(), read = make_pair(SOCK_STREAM);
        constexpr timeval hour{3600, 0};
        REQUIRE(::setsockopt(read.in, SOL_SOCKET, SO_RCVTIMEO, &hour, sizeof hour) == 0);
        auto poller = weft::spawn([&] {
          pollfd one{polled.in, POLLIN, 0};
          CHECK(::poll(&one, 1, 3'600'000) == 1);
          CHECK(one.revents == POLLNVAL);
        });
        auto reader = weft::spawn([&] {
          char byte = 'x';
          CHECK(::read(read.in, &byte, 1) == -1);
          CHECK(errno == EBADF);
        });
        const auto timers = [] { return weft::stats().timers; };
        while (timers() < 3) weft::this_fiber::yield();  // their alarms, and a tick
        for (fd* behind_our_back : {&polled.in, &read.in}) ::syscall(SYS_close, behind_our_back->release());
        poller.join();
        reader.join();
        while (timers() > 0) weft::this_fiber::yield();  // the tick is the last
      },
      with);
}

WEFT_SCENARIO("fclose closes behind our back") {
  ends files = make_pair(SOCK_STREAM);
  meet(s, files.in, files.out);
  std::FILE* const stream = ::fdopen(files.in.release(), "r+");
  REQUIRE(std::fclose(stream) == 0);
  const ends again = pipe_by_number();
  meet(s, again.in, again.out);
}

WEFT_SCENARIO("a duplicate is the same file by another number, and outlives the first") {
  ends files = make_pair(SOCK_STREAM);
  fd twin(WEFT_OPEN(s.says(), dup, files.in)), other(WEFT_OPEN(s.says(), fcntl, files.in, F_DUPFD_CLOEXEC, 100));
  meet(s, twin, files.out);
  meet(s, files.in, files.out);
  files.in.close();
  meet(s, other, files.out);
  meet(s, twin, files.out);
  twin.close();
  meet(s, other, files.out);
  WEFT_OPEN(s.says(), dup, -1);
  WEFT_OPEN(s.says(), dup2, -1, 100);
  WEFT_OPEN(s.says(), dup3, other, other, 0);
  const int same = WEFT_OPEN(s.says(), dup2, other, other);
  s.says().note(same == other ? "itself" : "another");
  meet(s, other, files.out);
}

WEFT_SCENARIO("a duplicate wakes with its twin, and one of them gets it") {
  const ends files = make_pipe();
  const fd twin(::dup(files.in));
  char bytes[2] = {};
  auto& first = s.start([&](transcript& says) { WEFT_CALL(says, read, files.in, &bytes[0], 1); });
  auto& second = s.start([&](transcript& says) { WEFT_CALL(says, read, twin, &bytes[1], 1); });
  first.until_it_waits();
  second.until_it_waits();
  WEFT_CALL(s.says(), write, files.out, "x", 1);
  WEFT_CALL(s.says(), write, files.out, "x", 1);
  s.join_all();
  s.says().note(std::string(bytes, 2));
}

WEFT_SCENARIO("a descriptor that is passed over a unix socket is a blocking file on both sides") {
  const ends way = make_pair(SOCK_STREAM);
  ends files = make_pipe();
  auto& receiver = s.start([&](transcript& says) {
    char into = 0;
    iovec place{&into, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr got{};
    got.msg_iov = &place;
    got.msg_iovlen = 1;
    got.msg_control = control;
    got.msg_controllen = sizeof control;
    WEFT_CALL(says, recvmsg, way.in, &got, MSG_WAITALL | MSG_CMSG_CLOEXEC);
    int number = -1;
    if (cmsghdr* const header = CMSG_FIRSTHDR(&got)) std::memcpy(&number, CMSG_DATA(header), sizeof number);
    const fd passed(number);
    says.note(::fcntl(passed, F_GETFL) & O_NONBLOCK ? "non-blocking" : "blocking");
    WEFT_CALL(says, read, passed, &into, 1);
  });
  receiver.until_it_waits();
  const message_with_fd message("x", files.in);
  WEFT_CALL(s.says(), sendmsg, way.out, message.header(), 0);
  receiver.until_it_waits(2);
  files.in.close();
  WEFT_CALL(s.says(), write, files.out, "x", 1);
  receiver.join();
}

TEST_CASE("a plain thread and a fiber read one file at once, and nothing is lost") {
  for (const maker make : {&a_pipe, &a_stream, &make_tcp, &datagrams}) {
    ends files = make();
    constexpr int count = 400;
    std::atomic<int> got{0};
    const auto reads = [&] {
      char byte = 'x';
      while (::read(files.in, &byte, 1) == 1 && byte == 'x') got.fetch_add(1);
    };
    std::thread thread(reads);
    weft::run([&] {
      auto first = weft::spawn(reads), second = weft::spawn(reads);
      for (int i = 0; i < count; ++i) CHECK(::write(files.out, "x", 1) == 1);
      for (int i = 0; i < 3; ++i) CHECK(::write(files.out, "!", 1) == 1);
      first.join();
      second.join();
    });
    thread.join();
    CHECK(got == count);
  }
}

TEST_CASE("a plain thread closes what a fiber waits for") {
  if (active_sanitizer == sanitizer::thread) {
    skip("TSan reports a close as a race with who waits");
    return;
  }
  ends files = make_pipe();
  weft::run([&] {
    std::atomic<bool> begun{false};
    auto reader = weft::spawn([&] {
      char byte = 'x';
      begun = true;
      CHECK(::read(files.in, &byte, 1) == -1);
      CHECK(errno == EBADF);
    });
    while (!begun || weft::stats().parked == 0) weft::this_fiber::yield();
    std::thread([&] { files.in.close(); }).join();
    reader.join();
  });
}

TEST_CASE("an event loop watches the file that a number names now, whatever a fiber has waited for by it") {
  weft::run(
      [] {
        ends before = make_pipe();
        char byte = 'x';
        auto reader = weft::spawn([&] { CHECK(::read(before.in, &byte, 1) == 1); });
        while (weft::stats().parked == 0) weft::this_fiber::yield();
        CHECK(::write(before.out, &byte, 1) == 1);
        reader.join();
        const int number = before.in;
        for (fd* behind_our_back : {&before.in, &before.out}) ::syscall(SYS_close, behind_our_back->release());
        const ends now = pipe_by_number();
        REQUIRE(now.in == number);
        weft::event watched, called;
        const auto watches = [&]() -> weft::stackless::task<> {
          auto& loop = weft::stackless::get_running_loop();
          loop.add_reader(number, [&] { called.set(); });
          watched.set();
          co_await called.async_wait();
          loop.remove_reader(number);
        };
        auto task = weft::stackless::create_task(watches());
        watched.wait();
        for (int turns = 0; turns < 100; ++turns) weft::this_fiber::yield();  // so that it waits
        CHECK(::write(now.out, &byte, 1) == 1);
        CHECK(called.wait_for(std::chrono::seconds(10)));
        called.set();
        while (!task.done()) weft::this_fiber::yield();
      },
      {.workers = 1});
}
