// SPDX-License-Identifier: BSL-1.0
// Streams of stdio by open_stream: programs of lines that wait for one another on one worker.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <weft/hooks.hpp>
#include <weft/weft.hpp>

#include "hooks/files.hpp"
#include "support/temporary.hpp"

using namespace weft::test;
using weft::hooks::open_stream;

namespace {

// A program as in any book on C: answers each line by the same in brackets, until there are no more.
void answer_lines(std::FILE* in, std::FILE* out) {
  char line[200];
  while (std::fgets(line, sizeof line, in)) {
    line[std::strcspn(line, "\n")] = '\0';
    std::fprintf(out, "[%s]\n", line);
    std::fflush(out);
  }
  CHECK(std::feof(in));
  CHECK(std::fclose(in) == 0);
  CHECK(std::fclose(out) == 0);
}

std::string line_of(std::FILE* from) {
  char text[200];
  return std::fgets(text, sizeof text, from) ? text : "nothing";
}

// Input and output at once: a stream for each, the second on a duplicate.
struct both_ways {
  explicit both_ways(fd file) : number(file), out(open_stream(::dup(file), "w")), in(open_stream(file.release(), "r")) {
    REQUIRE(in);
    REQUIRE(out);
  }
  int number;
  std::FILE *out, *in;
};

void until_parked(const weft::fiber<void>& who) {
  const auto before = weft::stats().parked;
  while (!who.done() && weft::stats().parked == before) weft::this_fiber::yield();
}

}  // namespace

TEST_CASE("two fibers of one worker talk in lines, by streams") {
  weft::run(
      [] {
        ends files = make_pair(SOCK_STREAM);
        const both_ways far(std::move(files.in)), near(std::move(files.out));
        auto program = weft::spawn([&] { answer_lines(far.in, far.out); });
        for (int i = 0; i < 100; ++i) {
          CHECK(std::fprintf(near.out, "line %d\n", i) > 0);
          CHECK(std::fflush(near.out) == 0);
          CHECK(line_of(near.in) == "[line " + std::to_string(i) + "]\n");
        }
        CHECK(std::fputs("without an end", near.out) >= 0);
        CHECK(std::fclose(near.out) == 0);
        CHECK(::shutdown(near.number, SHUT_WR) == 0);
        CHECK(line_of(near.in) == "[without an end]\n");
        CHECK(line_of(near.in) == "nothing");
        CHECK(std::feof(near.in));
        CHECK(std::fclose(near.in) == 0);
        program.join();
      },
      {.workers = 1});
}

TEST_CASE("while one fiber waits for a line of a stream, others of its worker run") {
  weft::run(
      [] {
        ends files = make_pipe();
        std::string got;
        auto reader = weft::spawn([&] {
          std::FILE* const stream = open_stream(files.in.release(), "r");
          got = line_of(stream);
          CHECK(std::fclose(stream) == 0);
        });
        until_parked(reader);
        CHECK(got.empty());
        CHECK(::write(files.out, "now\n", 4) == 4);
        reader.join();
        CHECK(got == "now\n");
      },
      {.workers = 1});
}

TEST_CASE("what does not fit waits in a stream until it is read, and nothing is lost") {
  weft::run(
      [] {
        ends files = make_pipe();
        const std::string text = pattern(1'000'000);
        auto writer = weft::spawn([&] {
          std::FILE* const stream = open_stream(files.out.release(), "w");
          CHECK(std::fwrite(text.data(), 1, text.size(), stream) == text.size());
          CHECK(std::fclose(stream) == 0);
        });
        until_parked(writer);
        std::FILE* const stream = open_stream(files.in.release(), "r");
        std::string got(text.size() + 1, '\0');
        got.resize(std::fread(got.data(), 1, got.size(), stream));
        CHECK(got == text);
        CHECK(std::fclose(stream) == 0);
        writer.join();
      },
      {.workers = 1});
}

TEST_CASE("one stream for both directions takes turns") {
  weft::run(
      [] {
        ends files = make_pair(SOCK_STREAM);
        std::FILE* const near = open_stream(files.in.release(), "r+");
        auto far = weft::spawn([&] {
          std::FILE* const stream = open_stream(files.out.release(), "r+");
          for (std::string line; (line = line_of(stream)) != "nothing";) {
            CHECK(std::fputs(("so " + line).c_str(), stream) >= 0);
            CHECK(std::fflush(stream) == 0);
          }
          CHECK(std::fclose(stream) == 0);
        });
        for (const char* word : {"first\n", "second\n", "third\n"}) {
          CHECK(std::fputs(word, near) >= 0);
          CHECK(std::fflush(near) == 0);
          CHECK(line_of(near) == std::string("so ") + word);
        }
        CHECK(std::fclose(near) == 0);
        far.join();
      },
      {.workers = 1});
}

TEST_CASE("a stream of a file is read, written, sought and appended to") {
  const temporary_file made;
  const int file = ::open(made.name(), O_RDWR | O_CLOEXEC);
  REQUIRE(file >= 0);
  std::FILE* stream = open_stream(file, "wb+");
  REQUIRE(stream);
  CHECK(std::fputs("0123456789", stream) >= 0);
  CHECK(std::fseek(stream, 3, SEEK_SET) == 0);
  CHECK(std::fgetc(stream) == '3');
  CHECK(std::ftell(stream) == 4);
  CHECK(std::fclose(stream) == 0);
  CHECK(::fcntl(file, F_GETFD) == -1);  // it was the stream's
  stream = open_stream(::open(made.name(), O_RDWR | O_CLOEXEC), "a");
  REQUIRE(stream);
  CHECK(std::fputs("+", stream) >= 0);
  CHECK(std::fclose(stream) == 0);
  stream = open_stream(::open(made.name(), O_RDONLY | O_CLOEXEC), "r");
  REQUIRE(stream);
  CHECK(line_of(stream) == "0123456789+");
  CHECK(std::fclose(stream) == 0);
}

TEST_CASE("a stream that cannot be opened is refused, and the number is still the caller's") {
  const ends files = make_pipe();
  for (const char* mode : {"w", "r+", "w+", "a", "x", ""}) {
    errno = 0;
    CHECK(open_stream(files.in, mode) == nullptr);
    CHECK(errno == EINVAL);
  }
  CHECK(open_stream(files.out, "r") == nullptr);
  CHECK(errno == EINVAL);
  CHECK(open_stream(-1, "r") == nullptr);
  CHECK(errno == EBADF);
  CHECK(::fcntl(files.in, F_GETFD) == FD_CLOEXEC);
  CHECK(::fcntl(files.in, F_GETFL) == O_RDONLY);
}

TEST_CASE("a file that the program made non-blocking stays so in a stream") {
  weft::run([] {
    ends files = make_pipe();
    const int in = files.in;
    set_nonblocking(in, true);
    std::FILE* const stream = open_stream(files.in.release(), "r");
    CHECK(std::fgetc(stream) == EOF);
    CHECK(errno == EAGAIN);
    CHECK(std::ferror(stream));
    CHECK(::fcntl(in, F_GETFL) == (O_RDONLY | O_NONBLOCK));
    std::clearerr(stream);
    CHECK(::write(files.out, "x", 1) == 1);
    CHECK(std::fgetc(stream) == 'x');
    CHECK(std::fclose(stream) == 0);
  });
}

TEST_CASE("a stream leaves the flags of its file alone while a fiber waits in it") {
  weft::run(
      [] {
        ends files = make_pipe();
        const int in = files.in;
        auto reader = weft::spawn([&] {
          std::FILE* const stream = open_stream(files.in.release(), "r");
          CHECK(std::fgetc(stream) == 'x');
          CHECK(std::fclose(stream) == 0);
        });
        until_parked(reader);
        CHECK(::fcntl(in, F_GETFL) == O_RDONLY);
        CHECK(::write(files.out, "x", 1) == 1);
        reader.join();
      },
      {.workers = 1});
}

TEST_CASE("whoever flushes all streams does not wait for a fiber that reads one") {
  weft::run(
      [] {
        ends files = make_pipe();
        auto reader = weft::spawn([&] {
          std::FILE* const stream = open_stream(files.in.release(), "r");
          CHECK(std::fgetc(stream) == 'x');
          CHECK(std::fclose(stream) == 0);
        });
        until_parked(reader);
        std::thread([] { CHECK(std::fflush(nullptr) == 0); }).join();  // hangs if the stream is locked
        CHECK(::write(files.out, "x", 1) == 1);
        reader.join();
      },
      {.workers = 1});
}

TEST_CASE("a write that fails sets the stream's error flag, and so does the close") {
  weft::run([] {
    const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
    std::FILE* const stream = open_stream(full, "w");
    CHECK(std::fputs("text", stream) >= 0);
    CHECK(std::fflush(stream) == EOF);
    CHECK(errno == ENOSPC);
    CHECK(std::ferror(stream));
    CHECK(std::fputs("text", stream) >= 0);
    CHECK(std::fclose(stream) == EOF);
    CHECK(::fcntl(full, F_GETFD) == -1);
  });
}

TEST_CASE("a cancellation sets the stream's error flag") {
  weft::run(
      [] {
        ends files = make_pipe();
        auto reader = weft::spawn([&] {
          std::FILE* const stream = open_stream(files.in.release(), "r");
          CHECK(std::fgetc(stream) == EOF);
          CHECK(errno == ECANCELED);
          CHECK(std::ferror(stream));
          CHECK(!std::feof(stream));
          CHECK(std::fclose(stream) == 0);
        });
        until_parked(reader);
        reader.cancel();
        reader.join();
      },
      {.workers = 1});
}
