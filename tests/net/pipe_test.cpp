// SPDX-License-Identifier: BSL-1.0
// Pipes: our own, others', and those of a child process.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <vector>
#include <weft/net/buffered.hpp>
#include <weft/net/pipe.hpp>
#include <weft/net/wait.hpp>

#include "net/loopback.hpp"
#include "net/worlds.hpp"

using namespace weft::test;
using namespace weft::net;
using namespace std::chrono_literals;
using weft::timed_out;

namespace {

// As other programs make them: blocking.
std::pair<pipe_reader, pipe_writer> adopted_pipe() {
  int fds[2];
  REQUIRE(::pipe2(fds, O_CLOEXEC) == 0);
  std::pair<pipe_reader, pipe_writer> both{pipe_reader::adopt(fds[0]), pipe_writer::adopt(fds[1])};
  CHECK((::fcntl(fds[0], F_GETFL) & O_NONBLOCK) == 0);
  CHECK((::fcntl(fds[1], F_GETFL) & O_NONBLOCK) == 0);
  return both;
}

// The same for both kinds, in both worlds.
template <class Body> void with_pipes(Body&& body) {
  in_both_worlds([&](const world& w) {
    {
      INFO("our own");
      auto [from, to] = weft::net::pipe();
      body(w, from, to);
    }
    INFO("adopted");
    auto [from, to] = adopted_pipe();
    body(w, from, to);
  });
}

static_assert(readable_stream<pipe_reader> && !writable_stream<pipe_reader>);
static_assert(writable_stream<pipe_writer> && !readable_stream<pipe_writer>);

}  // namespace

TEST_CASE("what goes into a pipe comes out of it, up to the end") {
  with_pipes([](const world&, pipe_reader& from, pipe_writer& to) {
    to.write_all("hello, pipe");
    CHECK(read_text(from, 5) == "hello");
    to.close();
    CHECK(read_to_end(from) == ", pipe");
    std::byte one[1];
    const auto e = error_of<end_of_stream>([&] { from.read_exact(one); });
    CHECK(e.code() == stream_errc::end_of_stream);
    CHECK(contains(e.what(), "read from the pipe of fd"));
  });
}

TEST_CASE("a reader waits for a writer, and a writer for room: every byte arrives, in order") {
  with_pipes([](const world& w, pipe_reader& from, pipe_writer& to) {
    const auto sent = pattern(scaled(3'000'000, 300'000));
    auto writer = w.start([&, &to = to] {
      to.write_all(sent);
      to.close();
    });
    std::vector<std::byte> got(sent.size());
    from.read_exact(got);
    CHECK(got == sent);
    std::byte more[1];
    CHECK(from.read_some(more) == 0);
    writer.join();
  });
}

TEST_CASE("waits end by a byte, a deadline, a close or a cancellation") {
  with_pipes([](const world& w, pipe_reader& from, pipe_writer& to) {
    std::byte one[1];
    auto reader = w.start([&, &from = from] { CHECK(read_text(from, 1) == "x"); });
    w.until_waiting(1);
    const auto busy = error_of([&] { static_cast<void>(from.read_some(one)); });
    CHECK(busy.code() == std::errc::operation_in_progress);
    to.write_all("x");
    reader.join();

    CHECK_THROWS_AS(static_cast<void>(from.read_some(one, 5ms)), timed_out);
    CHECK_THROWS_AS(static_cast<void>(from.read_some(one, -1s)), timed_out);
    CHECK_THROWS_AS(from.wait_readable(5ms), timed_out);
    std::error_code ec;
    from.wait_readable(5ms, ec);
    CHECK(ec == std::errc::timed_out);
    to.wait_writable();
    const std::vector<std::byte> much(1'000'000);
    const auto partly = error_of<partial_io>([&] { to.write_all(much, 5ms); });
    CHECK(partly.code() == std::errc::timed_out);
    CHECK(partly.transferred() > 0);
    CHECK_THROWS_AS(to.wait_writable(5ms), timed_out);

    auto blocked = w.start([&, &to = to] {
      const auto e = error_of<partial_io>([&] { to.write_all(much); });
      CHECK(e.code() == std::errc::operation_canceled);
    });
    w.until_waiting(1);
    to.close();
    blocked.join();
    CHECK(error_of([&] { to.write_all("x"); }).code() == std::errc::bad_file_descriptor);
    CHECK(read_to_end(from).size() == partly.transferred());
    from.close();
    CHECK(error_of([&] { static_cast<void>(from.read_some(one)); }).code() == std::errc::bad_file_descriptor);
    CHECK(contains(error_of([&] { static_cast<void>(from.release()); }).what(), "release of a socket or pipe"));
  });
  on_fibers([](const world& w) {
    auto [from, to] = weft::net::pipe();
    to.write_all("ab");  // before the reader begins, or it may be seen to wait for these
    auto reader = w.start([&, &from = from] {
      std::byte buffer[4];
      CHECK_THROWS_AS(from.read_exact(buffer), weft::cancelled);
      CHECK(weft::this_fiber::last_transferred() == 2);
      CHECK_THROWS_AS(static_cast<void>(from.read_some(buffer)), weft::cancelled);
    });
    w.until_waiting(1);
    reader.fiber().cancel();
    reader.join();
    to.write_all("cd");
    CHECK(read_text(from, 2) == "cd");
  });
}

namespace {

std::atomic<int> broken_pipes{0};

}  // namespace

TEST_CASE("a pipe that nobody reads is an error and no SIGPIPE, and one that was pending stays pending") {
  struct sigaction before {
  }, count{};
  count.sa_handler = [](int) { ++broken_pipes; };
  sigaction(SIGPIPE, &count, &before);
  broken_pipes = 0;
  with_pipes([](const world&, pipe_reader& from, pipe_writer& to) {
    from.close();
    const auto e = error_of([&] { to.write_all("x"); });
    CHECK(e.code() == std::errc::broken_pipe);
    std::error_code ec;
    CHECK(to.write_some(std::as_bytes(std::span("y", 1)), ec) == 0);
    CHECK(ec == std::errc::broken_pipe);
  });
  CHECK(broken_pipes == 0);
  // On this thread, blocked: somebody else's.
  sigset_t only, mask, pending;
  sigemptyset(&only);
  sigaddset(&only, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &only, &mask);
  pthread_kill(pthread_self(), SIGPIPE);
  {
    auto [from, to] = weft::net::pipe();
    from.close();
    CHECK_THROWS_AS(to.write_all("x"), std::system_error);
  }
  sigpending(&pending);
  CHECK(sigismember(&pending, SIGPIPE) == 1);
  pthread_sigmask(SIG_SETMASK, &mask, nullptr);
  CHECK(broken_pipes == 1);
  sigaction(SIGPIPE, &before, nullptr);
}

TEST_CASE("only what can be read or written in parts is adopted, and stays the caller's otherwise") {
  in_both_worlds([](const world&) {
    const temporary_directory directory;
    std::error_code ec;
    const int file = ::open(directory.file("f").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK_FALSE(pipe_reader::adopt(file, ec).is_open());
    CHECK(ec == std::errc::invalid_argument);
    CHECK_FALSE(pipe_writer::adopt(file, ec).is_open());
    CHECK(::fcntl(file, F_GETFD) >= 0);
    ::close(file);
    int fds[2];
    REQUIRE(::pipe2(fds, O_CLOEXEC) == 0);
    CHECK_FALSE(pipe_reader::adopt(fds[1], ec).is_open());
    CHECK(ec == std::errc::invalid_argument);
    const auto e = error_of([&] { static_cast<void>(pipe_writer::adopt(fds[0])); });
    CHECK(contains(e.what(), "adopt fd " + std::to_string(fds[0]) + " as a pipe_writer"));
    ::close(fds[0]);
    ::close(fds[1]);
    CHECK_FALSE(pipe_reader::adopt(-1, ec).is_open());
    CHECK(ec == std::errc::bad_file_descriptor);
  });
}

TEST_CASE("a terminal is read without its blocking mode being changed") {
  in_both_worlds([](const world& w) {
    const int master = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0 || ::grantpt(master) != 0 || ::unlockpt(master) != 0) {
      skip("no terminals here");
      if (master >= 0) ::close(master);
      return;
    }
    char name[64];
    REQUIRE(::ptsname_r(master, name, sizeof name) == 0);
    const int slave = ::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    REQUIRE(slave >= 0);
    pipe_reader from = pipe_reader::adopt(slave);
    buffered lines(from);
    auto reader = w.start([&] { CHECK(lines.read_line() == "typed"); });
    w.until_waiting(1);
    pipe_writer keyboard = pipe_writer::adopt(master);
    keyboard.write_all("typed\n");
    reader.join();
    CHECK((::fcntl(slave, F_GETFL) & O_NONBLOCK) == 0);
  });
}

TEST_CASE("a child process is talked to through its pipes, and its output can be waited for") {
  in_both_worlds([](const world& w) {
    auto [child_in, to_child] = adopted_pipe();
    auto [from_child, child_out] = adopted_pipe();
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, child_in.native_handle(), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, child_out.native_handle(), STDOUT_FILENO);
    char name[] = "cat";
    char* arguments[] = {name, nullptr};
    pid_t child = 0;
    REQUIRE(::posix_spawnp(&child, "cat", &actions, nullptr, arguments, environ) == 0);
    posix_spawn_file_actions_destroy(&actions);
    child_in.close();
    child_out.close();

    CHECK_FALSE(wait_readable(from_child.native_handle(), 1ms));
    to_child.write_all("ping");
    CHECK(wait_readable(from_child.native_handle(), 20s));
    CHECK(read_text(from_child, 4) == "ping");

    const auto sent = pattern(scaled(500'000, 100'000));
    auto writer = w.start([&, &to_child = to_child] {
      to_child.write_all(sent);
      to_child.close();
    });
    std::vector<std::byte> got(sent.size());
    from_child.read_exact(got);
    CHECK(got == sent);
    writer.join();
    std::byte more[1];
    CHECK(from_child.read_some(more) == 0);
    int state = 0;
    CHECK(::waitpid(child, &state, 0) == child);
    CHECK(WIFEXITED(state));
  });
}
