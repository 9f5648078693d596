// SPDX-License-Identifier: BSL-1.0
// Files, whose calls go to the blocking pool.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>
#include <weft/net/buffered.hpp>
#include <weft/net/file.hpp>

#include "net/loopback.hpp"
#include "net/worlds.hpp"

using namespace weft::test;
using namespace weft::net;
using namespace std::chrono_literals;

namespace {

constexpr auto anew = open_mode::read | open_mode::write | open_mode::create | open_mode::truncate;

std::string read_at_once(file& f, std::uint64_t offset, std::size_t size) {
  std::string text(size, '\0');
  text.resize(f.read_at(offset, std::as_writable_bytes(std::span(text))));
  return text;
}

}  // namespace

TEST_CASE("what is written to a file is read from it, by position and elsewhere") {
  static_assert(stream<file>);
  in_both_worlds([](const world&) {
    const temporary_directory directory;
    file f = file::open(directory.file("f"), anew);
    CHECK(f.size() == 0);
    f.write_all("hello, file");
    CHECK(f.position() == 11);
    CHECK(f.size() == 11);
    f.seek(7);
    CHECK(read_text(f, 4) == "file");
    std::byte more[1];
    CHECK(f.read_some(more) == 0);
    CHECK_THROWS_AS(f.read_exact(more), end_of_stream);

    CHECK(f.write_at(0, std::as_bytes(std::span("J", 1))) == 1);
    CHECK(read_at_once(f, 0, 5) == "Jello");
    CHECK(read_at_once(f, 9, 100) == "le");
    CHECK(read_at_once(f, 100, 1).empty());
    CHECK(f.position() == 11);
    f.resize(5);
    CHECK(f.size() == 5);
    f.sync();
    f.sync_data();
    f.close();
    CHECK(read_file(directory.file("f")) == "Jello");
  });
}

TEST_CASE("large contents go in and out whole") {
  in_both_worlds([](const world&) {
    const temporary_directory directory;
    const auto sent = pattern(scaled(5'000'000, 1'000'000));
    file f = file::open(directory.file("f"), anew);
    f.write_all(sent);
    f.seek(0);
    std::vector<std::byte> got(sent.size());
    f.read_exact(got);
    CHECK(got == sent);
    write_file(directory.file("g"), text_of(sent));
    CHECK(read_file(directory.file("g")) == text_of(sent));
  });
}

TEST_CASE("files that say they are empty are read all the same") {
  in_both_worlds([](const world&) { CHECK(read_file("/proc/self/status").starts_with("Name:")); });
}

TEST_CASE("lines are read from a file as from any stream") {
  in_both_worlds([](const world&) {
    const temporary_directory directory;
    write_file(directory.file("f"), "one\ntwo\n\nlast");
    buffered lines(file::open(directory.file("f")));
    CHECK(lines.read_line() == "one");
    CHECK(lines.read_line() == "two");
    CHECK(lines.read_line() == "");
    CHECK(lines.read_line() == "last");
    CHECK_FALSE(lines.read_line());
  });
}

TEST_CASE("the modes of opening") {
  in_both_worlds([](const world&) {
    const temporary_directory directory;
    const std::string path = directory.file("f");
    std::error_code ec;
    CHECK_FALSE(file::open(path, open_mode::read, ec).is_open());
    CHECK(ec == std::errc::no_such_file_or_directory);
    write_file(path, "abc");
    CHECK_FALSE(file::open(path, open_mode::write | open_mode::create | open_mode::exclusive, ec).is_open());
    CHECK(ec == std::errc::file_exists);
    file end = file::open(path, open_mode::append);
    end.write_all("def");
    CHECK(read_file(path) == "abcdef");
    std::byte one[1];
    CHECK(error_of([&] { static_cast<void>(end.read_some(one)); }).code() == std::errc::bad_file_descriptor);
    file reader = file::open(path);
    CHECK(error_of([&] { reader.write_all("x"); }).code() == std::errc::bad_file_descriptor);
    file::open(path, open_mode::write | open_mode::truncate).close();
    CHECK(read_file(path).empty());
    CHECK((::fcntl(reader.native_handle(), F_GETFD) & FD_CLOEXEC) != 0);
    file secret = file::open(directory.file("s"), open_mode::write | open_mode::create, 0600);
    struct stat what {};
    REQUIRE(::fstat(secret.native_handle(), &what) == 0);
    CHECK((what.st_mode & 077) == 0);
  });
}

TEST_CASE("errors name the path, and a closed file says so") {
  in_both_worlds([](const world&) {
    const temporary_directory directory;
    const auto e = error_of([] { static_cast<void>(file::open("/no/such\nplace")); });
    CHECK(e.code() == std::errc::no_such_file_or_directory);
    CHECK(contains(e.what(), "open \"/no/such\\x0aplace\""));
    std::error_code ec;
    CHECK_FALSE(file::open(std::string_view("/etc\0/passwd", 12), open_mode::read, ec).is_open());
    CHECK(ec == std::errc::invalid_argument);
    file here = file::open("/", open_mode::read);
    std::byte one[1];
    const auto directory_read = error_of([&] { static_cast<void>(here.read_some(one)); });
    CHECK(directory_read.code() == std::errc::is_a_directory);
    CHECK(contains(directory_read.what(), "read from \"/\""));
    CHECK(error_of([&] { static_cast<void>(here.read_at(~std::uint64_t{0}, one)); }).code() ==
          std::errc::invalid_argument);
    CHECK(error_of([&] { here.resize(~std::uint64_t{0}); }).code() == std::errc::invalid_argument);
    here.close();
    const auto closed = error_of([&] { static_cast<void>(here.size()); });
    CHECK(closed.code() == std::errc::bad_file_descriptor);
    CHECK(contains(closed.what(), "size of a file that is not open"));
    CHECK_THROWS_AS(here.seek(0), std::system_error);
    CHECK_THROWS_AS(static_cast<void>(here.release()), std::system_error);
    CHECK_THROWS_AS(static_cast<void>(file::adopt(-1)), std::system_error);
  });
}

TEST_CASE("a file is moved, adopted and given away") {
  in_both_worlds([](const world&) {
    const temporary_directory directory;
    write_file(directory.file("f"), "content");
    file first = file::open(directory.file("f"));
    file second(std::move(first));
    CHECK_FALSE(first.is_open());  // NOLINT(bugprone-use-after-move): it says what it is then
    CHECK(read_text(second, 3) == "con");
    const int fd = second.release();
    CHECK_FALSE(second.is_open());
    second = file::adopt(fd);
    CHECK(read_text(second, 4) == "tent");
    second = file();
    CHECK(::fcntl(fd, F_GETFD) == -1);
  });
}

TEST_CASE("reads elsewhere go on at once, reads by position one at a time") {
  on_fibers([](const world& w) {
    const temporary_directory directory;
    const auto content = pattern(1'000'000);
    file f = file::open(directory.file("f"), anew);
    f.write_all(content);
    std::vector<actor> all;
    for (std::size_t i = 0; i < 50; ++i) {
      all.push_back(w.start([&, i] {
        std::vector<std::byte> got(20'000);
        std::size_t done = 0;
        while (done < got.size()) done += f.read_at(i * 20'000 + done, std::span(got).subspan(done));
        CHECK(got == pattern(20'000, i * 20'000));
      }));
    }
    for (auto& a : all) a.join();
  });
}

TEST_CASE("the position has one user at a time, and a close lets the read that has begun come to its end") {
  in_both_worlds([](const world& w) {
    int fds[2];  // of a pipe, on which a read of the pool's takes as long as we like
    REQUIRE(::pipe2(fds, O_CLOEXEC) == 0);
    file f = file::adopt(fds[0]);
    auto reader = w.start([&] {
      std::byte one[1];
      std::error_code ec;
      std::size_t got = 0;
      do {
        got = f.read_some(one, ec);
      } while (ec == std::errc::operation_in_progress);  // with the question below
      CHECK(got == 1);
    });
    while (error_of([&] { static_cast<void>(f.position()); }).code() != std::errc::operation_in_progress)
      weft::this_fiber::yield();
    std::byte one[1];
    const auto busy = error_of([&] { static_cast<void>(f.read_some(one)); });
    CHECK(busy.code() == std::errc::operation_in_progress);
    CHECK(contains(busy.what(), "another one is at it"));
    CHECK_THROWS_AS(static_cast<void>(f.release()), std::system_error);
    f.close();
    CHECK(error_of([&] { static_cast<void>(f.read_some(one)); }).code() == std::errc::bad_file_descriptor);
    CHECK(::fcntl(fds[0], F_GETFD) >= 0);  // still in use
    CHECK(::write(fds[1], "x", 1) == 1);
    reader.join();
    CHECK(::fcntl(fds[0], F_GETFD) < 0);
    ::close(fds[1]);
  });
}

TEST_CASE("who sees that a file was closed may open it anew, or end it, before the closer has returned") {
  std::atomic<file*> to_close{nullptr};
  std::atomic<bool> stop{false};
  std::thread closer([&] {
    while (!stop) {
      if (file* const f = to_close.exchange(nullptr))
        f->close();
      else
        std::this_thread::yield();
    }
  });
  std::size_t usable = 0;
  const std::size_t rounds = scaled(20'000, 1'000);
  for (std::size_t i = 0; i < rounds; ++i) {
    auto f = std::make_unique<file>(file::open("/dev/null"));
    file next = file::open("/dev/null");
    to_close = f.get();
    while (f->is_open()) std::this_thread::yield();
    *f = std::move(next);
    std::byte one[1];
    std::error_code ec;
    static_cast<void>(f->read_some(one, ec));
    usable += !ec;
  }
  stop = true;
  closer.join();
  CHECK(usable == rounds);
}

TEST_CASE("a cancelled fiber reads and writes nothing, and a deadline in the past only takes what is there") {
  on_fibers([](const world& w) {
    const temporary_directory directory;
    file f = file::open(directory.file("f"), anew);
    f.write_all("content");
    f.seek(0);
    std::atomic<bool> begun = false;
    auto reader = w.start([&] {
      begun = true;
      try {
        weft::this_fiber::sleep_until(weft::never);
      } catch (const weft::cancelled&) {
      }
      std::byte one[1];
      CHECK_THROWS_AS(static_cast<void>(f.read_some(one)), weft::cancelled);
      CHECK_THROWS_AS(static_cast<void>(f.read_at(0, one)), weft::cancelled);
      CHECK_THROWS_AS(f.write_all("x"), weft::cancelled);
      CHECK_THROWS_AS(static_cast<void>(f.size()), weft::cancelled);
      CHECK_THROWS_AS(static_cast<void>(file::open(directory.file("f"))), weft::cancelled);
    });
    while (!begun) weft::this_fiber::yield();
    reader.fiber().cancel();
    reader.join();
    CHECK(f.position() == 0);
    std::error_code ec;
    CHECK(f.write_all("x", -1s, ec) == 0);
    CHECK(ec == std::errc::timed_out);
    CHECK(f.position() == 0);
  });
}
