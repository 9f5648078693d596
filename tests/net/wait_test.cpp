// SPDX-License-Identifier: BSL-1.0
// wait_readable and wait_writable, on whatever can be waited for and what cannot.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <limits>
#include <utility>
#include <weft/net/wait.hpp>

#include "net/loopback.hpp"
#include "net/worlds.hpp"

using namespace weft::test;
using namespace std::chrono_literals;
using weft::net::wait_readable;
using weft::net::wait_writable;

namespace {

class fd {
 public:
  explicit fd(int number) : number_(number) { REQUIRE(number >= 0); }
  fd(fd&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  ~fd() {
    if (number_ >= 0) ::close(number_);
  }
  operator int() const { return number_; }

 private:
  int number_;
};

std::pair<fd, fd> make_pipe() {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  return {fd(ends[0]), fd(ends[1])};
}

}  // namespace

TEST_CASE("a pipe is waited for from both ends, data, room and the end of either side included") {
  in_both_worlds([](const world& w) {
    auto [out, in] = make_pipe();
    CHECK_FALSE(wait_readable(out, 0s));
    CHECK_FALSE(wait_readable(out, 2ms));
    CHECK(wait_writable(in));
    auto reader = w.start([&, &out = out] { CHECK(wait_readable(out)); });
    w.until_waiting(1);
    CHECK(::write(in, "x", 1) == 1);
    reader.join();
    CHECK(wait_readable(out, 0s));  // level, not edge: nobody has read it
    CHECK(wait_readable(out));
    char full[1 << 16];
    CHECK(::read(out, full, 1) == 1);
    CHECK(::write(in, full, sizeof full) == sizeof full);
    auto writer = w.start([&, &in = in] { CHECK(wait_writable(in)); });
    w.until_waiting(1);
    CHECK(::read(out, full, sizeof full) == sizeof full);
    writer.join();
    auto last = w.start([&, &out = out] { CHECK(wait_readable(out)); });
    w.until_waiting(1);
    { const fd gone = std::move(in); }
    last.join();
  });
}

TEST_CASE("an eventfd and a terminal are waited for") {
  in_both_worlds([](const world& w) {
    const fd event(::eventfd(0, EFD_CLOEXEC));
    auto first = w.start([&] { CHECK(wait_readable(event)); });
    auto second = w.start([&] { CHECK(wait_readable(event)); });
    w.until_waiting(2);
    CHECK(::eventfd_write(event, 1) == 0);
    first.join();
    second.join();

    const fd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    REQUIRE(::grantpt(master) == 0);
    REQUIRE(::unlockpt(master) == 0);
    const fd terminal(::open(::ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC));
    const int flags = ::fcntl(terminal, F_GETFL);
    CHECK_FALSE(wait_readable(terminal, 0s));
    auto reader = w.start([&] { CHECK(wait_readable(terminal)); });
    w.until_waiting(1);
    CHECK(::write(master, "line\n", 5) == 5);
    reader.join();
    CHECK(::fcntl(terminal, F_GETFL) == flags);
  });
}

TEST_CASE("a regular file or directory is refused by name, /dev/null is always ready") {
  in_both_worlds([](const world&) {
    const fd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    const auto e = error_of([&] { wait_readable(file); });
    CHECK(e.code() == std::errc::operation_not_permitted);
    CHECK(contains(e.what(), "wait_readable(fd " + std::to_string(file) + "): a regular file or directory"));
    const fd directory(::open("/", O_RDONLY | O_CLOEXEC));
    std::error_code ec;
    CHECK_FALSE(wait_writable(directory, ec));
    CHECK(ec == std::errc::operation_not_permitted);
    const fd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
    CHECK(wait_readable(nothing));
    CHECK(wait_writable(nothing, 0s));
  });
}

TEST_CASE("an fd that is negative or not open is bad_file_descriptor") {
  in_both_worlds([](const world&) {
    for (const int bad : {-1, -100, 1'000'000, std::numeric_limits<int>::max()}) {
      const auto e = error_of([&] { wait_readable(bad); });
      CHECK(e.code() == std::errc::bad_file_descriptor);
      CHECK(contains(e.what(), "wait_readable(fd " + std::to_string(bad) + ")"));
      std::error_code ec;
      CHECK_FALSE(wait_writable(bad, 1s, ec));
      CHECK(ec == std::errc::bad_file_descriptor);
    }
  });
}

TEST_CASE("a number that another file has now is waited for anew") {
  in_both_worlds([](const world& w) {
    int number = -1;
    for (int i = 0; i < 20; ++i) {
      auto [out, in] = make_pipe();
      if (number < 0) number = out;
      CHECK(out == number);
      CHECK_FALSE(wait_readable(out, 1ms));
      auto reader = w.start([&, &out = out] { CHECK(wait_readable(out)); });
      w.until_waiting(1);
      CHECK(::write(in, "x", 1) == 1);
      reader.join();
    }
  });
}

TEST_CASE("a wait for a file can be cancelled") {
  on_fibers([](const world& w) {
    auto [out, in] = make_pipe();
    auto reader = w.start([&, &out = out] {
      std::error_code ec;
      CHECK_THROWS_AS(wait_readable(out, ec), weft::cancelled);
    });
    w.until_waiting(1);
    reader.fiber().cancel();
    reader.join();
  });
}

TEST_CASE("a socket of weft::net may be waited for by number, too") {
  in_both_worlds([](const world& w) {
    tcp_pair p;
    auto waiting = w.start([&] { CHECK(wait_readable(p.server.native_handle())); });
    w.until_waiting(1);
    p.client.write_all("hello");
    waiting.join();
    CHECK(read_text(p.server, 5) == "hello");
    auto reader = w.start([&] { CHECK(read_text(p.server, 1) == "x"); });
    w.until_waiting(1);
    p.client.write_all("x");
    reader.join();
  });
}

TEST_CASE("who waits hears the file that the number names now, also while somebody waits for the one before") {
  weft::run(
      [] {
        auto [before, its_other_end] = make_pipe();
        auto [now, way] = make_pipe();
        const int number = before;
        auto stays = weft::spawn([number] { return wait_readable(number); });
        while (weft::stats().parked == 0) weft::this_fiber::yield();
        stays.cancel();                          // and still has to run
        REQUIRE(::dup2(now, number) == number);  // nobody is told
        auto writer = weft::spawn([&, &way = way] { CHECK(::write(way, "x", 1) == 1); });
        CHECK(wait_readable(number));
        writer.join();
        CHECK_THROWS_AS(stays.join(), std::system_error);
      },
      {.workers = 1});
}
