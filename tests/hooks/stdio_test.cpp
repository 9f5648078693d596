// SPDX-License-Identifier: BSL-1.0
// libc's own streams call parts of libc that cannot be hooked: they block their worker, no other, and lose nothing.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>
#include <thread>
#include <weft/hooks.hpp>
#include <weft/weft.hpp>

#include "hooks/files.hpp"
#include "hooks/stage.hpp"
#include "support/alone.hpp"
#include "support/session.hpp"
#include "support/temporary.hpp"

using namespace weft::test;

namespace {

// Whether the kernel has the thread wait in a read of that file.
bool waits_in_read(int thread_id, int file) {
  std::ifstream text("/proc/self/task/" + std::to_string(thread_id) + "/syscall");
  long call = -1;
  text >> call;
  std::string first;
  text >> first;
  return call == SYS_read && !first.empty() && std::stol(first, nullptr, 16) == file;
}

// A byte goes to another fiber of this worker and comes back.
void play_ball(const ends& files) {
  auto other = weft::spawn({.worker = 1}, [&] {
    char byte = 0;
    CHECK(::read(files.in, &byte, 1) == 1);
    CHECK(::write(files.in, &byte, 1) == 1);
  });
  char byte = 'x';
  CHECK(::write(files.out, &byte, 1) == 1);
  CHECK(::read(files.out, &byte, 1) == 1);
  other.join();
}

// Until the monitor's line about the worker has the call; each line without it lets the fiber go on, to be stuck anew.
void release_by_what_is_said(ends& said, fd& releases, const std::string& call) {
  std::string text;
  char some[512];
  for (int tries = 0; tries < 200 && text.find(call) == std::string::npos; ++tries) {
    const ssize_t got = ::read(said.in, some, sizeof some);
    if (got <= 0) break;
    text.append(some, std::size_t(got));
    CHECK(::write(releases, "x\n", 2) == 2);
  }
  CHECK_MESSAGE(text.find(call) != std::string::npos, text);
  releases.close();
}

}  // namespace

TEST_CASE("alone: a stream by fdopen holds its worker" * doctest::skip()) {
  ends lines = make_pipe(), said = make_pipe();
  const std::string call = ", in system call read (fd " + std::to_string(int(lines.in)) + ")";
  const fd stderr_of_before(::dup(STDERR_FILENO));
  REQUIRE(::dup2(said.out, STDERR_FILENO) == STDERR_FILENO);
  std::thread listener([&] { release_by_what_is_said(said, lines.out, call); });
  const auto reads = [&] {
    std::FILE* const stream = ::fdopen(lines.in.release(), "r");
    char line[16];
    while (std::fgets(line, sizeof line, stream)) weft::this_fiber::sleep_for(std::chrono::milliseconds(1));
    CHECK(std::fclose(stream) == 0);
  };
  weft::run([&] { weft::spawn(reads).join(); }, {.workers = 1, .hog_threshold = std::chrono::milliseconds(10)});
  listener.join();
  CHECK(::dup2(stderr_of_before, STDERR_FILENO) == STDERR_FILENO);
}

TEST_CASE("the line about a worker that stdio holds names the system call") {
  if (!std::ifstream("/proc/self/syscall").good()) return skip("the kernel does not say what a thread waits in");
  CHECK(run_alone("alone: a stream by fdopen holds its worker").status == 0);
}

// What a stream reads is written to the pipe, which `open` is given.
static void blocks_its_worker_only(std::FILE* (*open)(fd& in), int (*close)(std::FILE*)) {
  ends files = make_pipe();
  std::atomic<int> reader_thread{0}, in{-1};
  bool neighbour_ran = false;
  std::string got;
  const auto reads = [&] {
    std::FILE* const stream = open(files.in);
    REQUIRE(stream != nullptr);
    in = ::fileno(stream);
    reader_thread = gettid();
    char line[16];
    while (std::fgets(line, sizeof line, stream)) {
      CHECK(!neighbour_ran);
      got += line;
    }
    CHECK(close(stream) == 0);
  };
  const auto until_reader_waits = [&] {
    while (!reader_thread || !waits_in_read(reader_thread, in)) weft::this_fiber::yield();
  };
  const auto writes = [&] {
    until_reader_waits();
    auto neighbour = weft::spawn({.worker = 0}, [&] { neighbour_ran = true; });
    const ends ball = make_pair(SOCK_STREAM);
    for (const std::string text : {"one\n", "two\n", "three\n"}) {
      until_reader_waits();
      play_ball(ball);
      CHECK(::write(files.out, text.data(), text.size()) == ssize_t(text.size()));
    }
    files.out.close();
    neighbour.join();
  };
  weft::run(
      [&] {
        auto reader = weft::spawn({.worker = 0}, reads);
        weft::spawn({.worker = 1}, writes).join();
        reader.join();
      },
      {.workers = 2, .hog_threshold = {}});
  CHECK(got == "one\ntwo\nthree\n");
  CHECK(neighbour_ran);
}

TEST_CASE("a stream by fdopen blocks its worker and no other, and loses nothing") {
  if (!std::ifstream("/proc/self/syscall").good()) return skip("the kernel does not say what a thread waits in");
  blocks_its_worker_only([](fd& in) { return ::fdopen(in.release(), "r"); }, &std::fclose);
}

TEST_CASE("a stream by popen blocks its worker and no other, and loses nothing") {
  if (!std::ifstream("/proc/self/syscall").good()) return skip("the kernel does not say what a thread waits in");
  const auto cat = [](fd& in) {
    REQUIRE(::fcntl(in, F_SETFD, 0) == 0);  // the child inherits it
    std::FILE* const stream = ::popen(("exec cat <&" + std::to_string(int(in))).c_str(), "r");
    in.close();
    return stream;
  };
  blocks_its_worker_only(cat, &::pclose);
}

WEFT_SCENARIO("a file on a disk behind the number of a pipe that a stream has closed is read") {
  const temporary_file file("from the disk");
  const fd writer(::open(file.name(), O_RDWR | O_CLOEXEC));
  ends files = make_pipe();
  char text[4];
  WEFT_CALL(s.says(), write, files.out, "x", 1);
  WEFT_CALL(s.says(), read, files.in, text, 1);
  const int number = files.in.release();
  REQUIRE(std::fclose(::fdopen(number, "r")) == 0);
  const fd again(::open(file.name(), O_RDWR | O_CLOEXEC));
  REQUIRE(again == number);
  // Out of memory, or the read would be a try like a pipe's.
  REQUIRE(::fsync(writer) == 0);
  REQUIRE(::posix_fadvise(writer, 0, 0, POSIX_FADV_DONTNEED) == 0);
  s.says().note(text_of(text, WEFT_CALL(s.says(), read, again, text, 4)));
  WEFT_CALL(s.says(), write, again, "x", 1);
}
