// SPDX-License-Identifier: BSL-1.0
// O_NONBLOCK is the program's: set by it, a call does not wait; not set, nobody sees it set.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <thread>
#include <utility>
#include <vector>
#include <weft/weft.hpp>

#include "hooks/files.hpp"
#include "hooks/stage.hpp"
#include "poll/descriptor.hpp"

extern "C" int fcntl64(int, int, ...);

using namespace weft::test;

namespace {

void nothing_waits(transcript& says, const ends& files, bool is_tcp = false) {
  char byte = 'x';
  iovec part{&byte, 1};
  WEFT_CALL(says, read, files.in, &byte, 1);
  WEFT_CALL(says, readv, files.in, &part, 1);
  if (is_tcp) return;  // which takes a little more now and then
  fill(files.out);
  std::vector<char> much(100'000, 'x');
  WEFT_CALL(says, write, files.out, much.data(), much.size());
  part = {much.data(), much.size()};
  WEFT_CALL(says, writev, files.out, &part, 1);
}

void a_part_is_written(transcript& says, int file) {
  const std::vector<char> much(4'000'000, 'x');
  const ssize_t written = ::write(file, much.data(), much.size());
  says.note(written > 0 && written < 4'000'000 ? "a part" : "not a part");
}

}  // namespace

WEFT_SCENARIO("O_NONBLOCK by fcntl") {
  for (const maker make : {&a_pipe, &a_stream, &records, &make_tcp}) {
    ends files = make();
    for (const fd* file : {&files.in, &files.out}) {
      const int flags = WEFT_CALL(s.says(), fcntl, *file, F_GETFL);
      WEFT_CALL(s.says(), fcntl, *file, F_SETFL, flags | O_NONBLOCK);
      WEFT_CALL(s.says(), fcntl64, *file, F_GETFL);
    }
    nothing_waits(s.says(), files, make == &make_tcp);
    s.says().note(::fcntl(files.in, F_GETFL) & O_NONBLOCK ? "still non-blocking" : "blocking");
  }
}

WEFT_SCENARIO("O_NONBLOCK from the beginning") {
  nothing_waits(s.says(), make_pipe(O_NONBLOCK));
  nothing_waits(s.says(), make_pair(SOCK_STREAM | SOCK_NONBLOCK));
  a_part_is_written(s.says(), make_pipe(O_NONBLOCK).out);
  const ends pipe = make_pipe(O_NONBLOCK), pair = make_pair(SOCK_STREAM | SOCK_NONBLOCK);
  a_part_is_written(s.says(), pipe.out);
  a_part_is_written(s.says(), pair.out);
  const fd counter(WEFT_OPEN(s.says(), eventfd, 0, EFD_NONBLOCK | EFD_CLOEXEC));
  std::uint64_t value = 0;
  WEFT_CALL(s.says(), read, counter, &value, sizeof value);
}

WEFT_SCENARIO("O_NONBLOCK by FIONBIO, and off again") {
  const ends files = make_pair(SOCK_STREAM);
  int on = 1;
  WEFT_CALL(s.says(), ioctl, files.in, FIONBIO, &on);
  char byte = 'x';
  WEFT_CALL(s.says(), read, files.in, &byte, 1);
  WEFT_CALL(s.says(), recv, files.in, &byte, 1, 0);
  s.says().note(::fcntl(files.in, F_GETFL) & O_NONBLOCK ? "non-blocking" : "blocking");
  on = 0;
  WEFT_CALL(s.says(), ioctl, files.in, FIONBIO, &on);
  s.says().note(::fcntl(files.in, F_GETFL) & O_NONBLOCK ? "non-blocking" : "blocking");
  auto& reader = s.start([&](transcript& says) { WEFT_CALL(says, read, files.in, &byte, 1); });
  reader.until_it_waits();
  WEFT_CALL(s.says(), write, files.out, "x", 1);
  s.join_all();
}

WEFT_SCENARIO("O_NONBLOCK by a duplicate is the same file's") {
  const ends files = make_pipe();
  const fd twin(::fcntl(files.in, F_DUPFD_CLOEXEC, 0));
  char byte = 'x';
  set_nonblocking(twin, true);
  WEFT_CALL(s.says(), read, files.in, &byte, 1);
  set_nonblocking(twin, false);
  auto& reader = s.start([&](transcript& says) { WEFT_CALL(says, read, files.in, &byte, 1); });
  reader.until_it_waits();
  WEFT_CALL(s.says(), write, files.out, "x", 1);
  s.join_all();
}

WEFT_SCENARIO("O_NONBLOCK is noticed by who has waited for the file before, whichever way it is set") {
  const auto by_ioctl = [](int file, bool on) {
    int value = on;
    REQUIRE(::ioctl(file, FIONBIO, &value) == 0);
  };
  for (const maker make : {&a_pipe, &a_stream, &datagrams}) {
    const ends files = make();
    const fd twin(::fcntl(files.in, F_DUPFD_CLOEXEC, 0));
    for (const auto& [number, set] : {std::pair<int, void (*)(int, bool)>(files.in, set_nonblocking),
                                      {twin, set_nonblocking},
                                      {files.in, by_ioctl},
                                      {twin, by_ioctl}}) {
      char byte = 'x';
      auto& reader = s.start([&](transcript& says) { WEFT_CALL(says, read, files.in, &byte, 1); });
      reader.until_it_waits();
      WEFT_CALL(s.says(), write, files.out, "x", 1);
      reader.join();
      set(number, true);
      WEFT_CALL(s.says(), read, files.in, &byte, 1);
      set(number, false);
    }
  }
}

WEFT_SCENARIO("nobody sees O_NONBLOCK on a file that somebody waits for") {
  for (const maker make : {&a_pipe, &a_stream, &datagrams, &make_tcp}) {
    ends files = make();
    auto& reader = s.start([&](transcript& says) {
      char byte = 'x';
      WEFT_CALL(says, read, files.in, &byte, 1);
    });
    reader.until_it_waits();
    s.says().note(::fcntl(files.in, F_GETFL) & O_NONBLOCK ? "non-blocking" : "blocking");
    WEFT_CALL(s.says(), write, files.out, "x", 1);
    reader.join();
    s.says().note(::fcntl(files.in, F_GETFL) & O_NONBLOCK ? "non-blocking" : "blocking");
  }
}

WEFT_SCENARIO("MSG_DONTWAIT on a blocking socket") {
  const ends files = make_pair(SOCK_STREAM);
  char byte = 'x';
  iovec part{&byte, 1};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  mmsghdr several{message, 0};
  WEFT_CALL(s.says(), recv, files.in, &byte, 1, MSG_DONTWAIT);
  WEFT_CALL(s.says(), recvfrom, files.in, &byte, 1, MSG_DONTWAIT, nullptr, nullptr);
  WEFT_CALL(s.says(), recvmsg, files.in, &message, MSG_DONTWAIT);
  WEFT_CALL(s.says(), recvmmsg, files.in, &several, 1, MSG_DONTWAIT, nullptr);
  fill(files.out);
  const std::vector<char> much(100'000, 'x');
  WEFT_CALL(s.says(), send, files.out, much.data(), much.size(), MSG_DONTWAIT);
  WEFT_CALL(s.says(), sendto, files.out, much.data(), much.size(), MSG_DONTWAIT, nullptr, 0);
  WEFT_CALL(s.says(), sendmsg, files.out, &message, MSG_DONTWAIT);
  WEFT_CALL(s.says(), sendmmsg, files.out, &several, 1, MSG_DONTWAIT);
}

TEST_CASE("a call on a non-blocking file lets nobody run when its fiber is cancelled") {
  weft::run(
      [] {
        const ends files = make_pair(SOCK_STREAM);
        for (const int file : {int(files.in), int(files.out)}) set_nonblocking(file, true);
        weft::fiber<> other;
        auto fiber = weft::spawn([&] {
          while (!weft::this_fiber::cancelled()) weft::this_fiber::yield();
          bool has_run = false;
          other = weft::spawn([&] { has_run = true; });
          char byte = 'x';
          for (int i = 0; i < 20; ++i) {
            CHECK(::write(files.out, &byte, 1) == 1);
            CHECK(::read(files.in, &byte, 1) == 1);
            CHECK(::read(files.in, &byte, 1) == -1);
            CHECK(errno == EAGAIN);
          }
          CHECK(!has_run);
          while (!has_run) {
            try {
              weft::this_fiber::yield();
            } catch (const weft::cancelled&) {
            }
          }
        });
        weft::this_fiber::yield();
        fiber.cancel();
        fiber.join();
        other.join();
      },
      {.workers = 1});
}

TEST_CASE("nor when it has to wait for another worker that asks the same file") {
  weft::run(
      [] {
        loopback where;
        const fd listener = make_bound(SOCK_STREAM, where, 0);
        set_nonblocking(listener, true);
        CHECK(::accept(listener, nullptr, nullptr) == -1);
        auto& state = weft::detail::descriptor::of(listener);
        REQUIRE(state.try_to_ask());
        std::atomic<bool> has_run{false};
        std::thread asks([&] {
          for (int turns = 0; turns < 1'000 && !has_run; ++turns) std::this_thread::yield();
          state.has_asked();
        });
        auto other = weft::spawn([&] { has_run = true; });
        CHECK(::accept(listener, nullptr, nullptr) == -1);
        CHECK(errno == EAGAIN);
        CHECK(!has_run);
        asks.join();
        other.join();
      },
      {.workers = 1});
}

WEFT_SCENARIO("a call that waits goes on when others make the file non-blocking") {
  for (const maker make : {&a_stream, &make_tcp}) {
    const ends files = make();
    char text[4];
    auto& reader = s.start(
        [&](transcript& says) { says.note(text_of(text, WEFT_CALL(says, recv, files.in, text, 4, MSG_WAITALL))); });
    reader.until_it_waits();
    set_nonblocking(files.in, true);
    WEFT_CALL(s.says(), write, files.out, "ab", 2);
    for (int left = 2; left > 0; weft::this_fiber::yield()) REQUIRE(::ioctl(files.in, FIONREAD, &left) == 0);
    WEFT_CALL(s.says(), write, files.out, "cd", 2);
    reader.join();
    WEFT_CALL(s.says(), recv, files.in, text, 4, MSG_WAITALL);
  }
}
