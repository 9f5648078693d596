// SPDX-License-Identifier: BSL-1.0
// Cancellation inside hooked calls: ECANCELED through C, an exception behind it.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <stdexcept>
#include <vector>
#include <weft/hooks.hpp>
#include <weft/weft.hpp>

#include "hooks/files.hpp"
#include "support/scale.hpp"

using namespace std::chrono_literals;
using namespace weft::test;

namespace {

// The library in between: knows nothing of C++.
extern "C" {
using callback = int (*)(void*);
int c_library(callback back, void* with) { return back(with) < 0 ? -1 : 0; }
}

void park_until_waits(const weft::fiber<void>&) {
  while (weft::stats().parked == 0) weft::this_fiber::yield();
}

// `waits` waits for ever; it must fail with ECANCELED when its fiber is cancelled, at once when it is called again, and
// what follows in C++ throws.
void fails_when_cancelled(const std::function<long()>& waits) {
  bool thrown = false;
  auto fiber = weft::spawn([&] {
    const auto body = [](void* what) {
      const auto& call = *static_cast<const std::function<long()>*>(what);
      for (int i = 0; i < 3; ++i) {
        errno = 0;
        CHECK(call() == -1);
        CHECK(errno == ECANCELED);
      }
      return -1;
    };
    CHECK(c_library(body, const_cast<std::function<long()>*>(&waits)) == -1);
    try {
      weft::this_fiber::check_cancelled();
    } catch (const weft::cancelled&) {
      thrown = true;
    }
  });
  park_until_waits(fiber);
  fiber.cancel();
  fiber.join();
  CHECK(thrown);
}

}  // namespace

TEST_CASE("every call that waits for a file fails with ECANCELED when its fiber is cancelled") {
  weft::run(
      [] {
        char byte = 'x';
        iovec part{&byte, 1};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        mmsghdr several{message, 0};
        for (const maker make : {&a_pipe, &a_stream, &make_tcp, &datagrams}) {
          const ends files = make();
          fails_when_cancelled([&] { return ::read(files.in, &byte, 1); });
          fails_when_cancelled([&] { return ::readv(files.in, &part, 1); });
          if (make == &a_pipe) continue;
          fails_when_cancelled([&] { return ::recv(files.in, &byte, 1, 0); });
          fails_when_cancelled([&] { return ::recvfrom(files.in, &byte, 1, 0, nullptr, nullptr); });
          fails_when_cancelled([&] { return ::recvmsg(files.in, &message, 0); });
          fails_when_cancelled([&] { return ::recvmmsg(files.in, &several, 1, 0, nullptr); });
        }
        for (const maker make : {&a_pipe, &a_stream}) {
          const ends files = make();
          fill(files.out);
          fails_when_cancelled([&] { return ::write(files.out, &byte, 1); });
          fails_when_cancelled([&] { return ::writev(files.out, &part, 1); });
          if (make == &a_pipe) continue;
          fails_when_cancelled([&] { return ::send(files.out, &byte, 1, 0); });
          fails_when_cancelled([&] { return ::sendto(files.out, &byte, 1, 0, nullptr, 0); });
          fails_when_cancelled([&] { return ::sendmsg(files.out, &message, 0); });
          fails_when_cancelled([&] { return ::sendmmsg(files.out, &several, 1, 0); });
        }
        const fd counter(::eventfd(0, EFD_CLOEXEC));
        std::uint64_t value = UINT64_MAX - 1;
        fails_when_cancelled([&] { return ::read(counter, &value, sizeof value); });
        REQUIRE(::write(counter, &value, sizeof value) == sizeof value);
        fails_when_cancelled([&] { return ::write(counter, &value, sizeof value); });
      },
      {.workers = 1});
}

TEST_CASE("accept and connect fail with ECANCELED when their fiber is cancelled") {
  weft::run(
      [] {
        loopback where;
        const fd listener = make_bound(SOCK_STREAM, where, 0);
        fails_when_cancelled([&] { return ::accept(listener, nullptr, nullptr); });
        fails_when_cancelled([&] { return ::accept4(listener, nullptr, nullptr, 0); });
        std::vector<fd> queued;
        for (int i = 0; i < 3; ++i) {
          queued.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
          ::connect(queued.back(), where.get(), where.size);
        }
        const fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        fails_when_cancelled([&] { return ::connect(client, where.get(), where.size); });
        CHECK(!(::fcntl(client, F_GETFL) & O_NONBLOCK));
      },
      {.workers = 1});
}

TEST_CASE("what is there is not taken by a call that fails with ECANCELED") {
  weft::run([] {
    const ends files = make_pipe();
    REQUIRE(::write(files.out, "x", 1) == 1);
    auto fiber = weft::spawn([&] {
      weft::this_fiber::yield();
      char byte = 0;
      while (!weft::this_fiber::cancelled()) weft::this_fiber::yield();
      CHECK(::read(files.in, &byte, 1) == -1);
      CHECK(errno == ECANCELED);
    });
    weft::this_fiber::yield();
    fiber.cancel();
    try {
      fiber.join();
    } catch (const std::system_error&) {  // it was cancelled before it began
    }
    char byte = 0;
    CHECK(::read(files.in, &byte, 1) == 1);
  });
}

TEST_CASE("a call on a non-blocking file is no place to be cancelled") {
  weft::run([] {
    const ends files = make_pipe(O_NONBLOCK);
    weft::with_scope([&](weft::scope& all) {
      all.cancel();
      char byte = 0;
      CHECK(::read(files.in, &byte, 1) == -1);
      CHECK(errno == EAGAIN);
      CHECK(::write(files.out, "x", 1) == 1);
      CHECK(::read(files.in, &byte, 1) == 1);
    });
  });
}

TEST_CASE("a write that a cancellation ends leaves what was written") {
  weft::run([] {
    const ends files = make_pair(SOCK_STREAM);
    const std::vector<char> much(3'000'000);
    auto fiber = weft::spawn([&] {
      const ssize_t written = ::write(files.out, much.data(), much.size());
      CHECK(written > 0);
      CHECK(written < 3'000'000);
      CHECK(::write(files.out, much.data(), 1) == -1);
      CHECK(errno == ECANCELED);
    });
    park_until_waits(fiber);
    fiber.cancel();
    fiber.join();
  });
}

TEST_CASE("a deadline around a C library cuts its calls short, and its clean-up is not disturbed by a shield") {
  weft::run([] {
    const ends files = make_pair(SOCK_STREAM);
    CHECK_THROWS_AS(weft::with_timeout(5ms,
                                       [&] {
                                         char byte = 0;
                                         CHECK(::read(files.in, &byte, 1) == -1);
                                         CHECK(errno == ECANCELED);
                                         weft::shield([&] { CHECK(::write(files.in, "bye", 3) == 3); });
                                         weft::this_fiber::check_cancelled();
                                       }),
                    weft::timed_out);
    char text[8];
    CHECK(::read(files.out, text, sizeof text) == 3);
  });
}

TEST_CASE("a destructor that runs while a cancellation unwinds may still say goodbye") {
  weft::run([] {
    const ends files = make_pair(SOCK_STREAM);
    struct goodbye {
      int file;
      ~goodbye() { CHECK(::write(file, "bye", 3) == 3); }
    };
    auto fiber = weft::spawn([&] {
      const goodbye later{files.in};
      weft::this_fiber::sleep_for(1h);
    });
    park_until_waits(fiber);
    fiber.cancel();
    CHECK_THROWS_AS(fiber.join(), std::system_error);
    char text[8];
    CHECK(::read(files.out, text, sizeof text) == 3);
  });
}

TEST_CASE("a library that calls back C++ code which waits and throws") {
  weft::run([] {
    const ends files = make_pipe();
    weft::with_scope([&](weft::scope& all) {
      all.spawn([&] {
        static int from;
        from = files.in;
        int numbers[] = {3, 1, 2};
        // The compiler of C code that is given callbacks of C++ is told of exceptions (glibc's is); they pass through it.
        CHECK_THROWS_AS(std::qsort(numbers, 3, sizeof(int),
                                   [](const void*, const void*) -> int {
                                     char byte = 0;
                                     CHECK(::read(from, &byte, 1) == 1);
                                     throw std::runtime_error("no order");
                                   }),
                        std::runtime_error);
      });
      all.spawn([&] { CHECK(::write(files.out, "x", 1) == 1); });
    });
  });
}

TEST_CASE("a fiber that never has to wait lets others run") {
  weft::run(
      [] {
        const ends files = make_pipe();
        bool stop = false;
        auto other = weft::spawn([&] { stop = true; });
        char byte = 'x';
        while (!stop) {
          CHECK(::write(files.out, &byte, 1) == 1);
          CHECK(::read(files.in, &byte, 1) == 1);
        }
        other.join();
      },
      {.workers = 1});
}

TEST_CASE("a call on a non-blocking file is no place where others run, a poll is one") {
  weft::run(
      [] {
        const ends files = make_pair(SOCK_STREAM);
        bool has_run = false;
        auto other = weft::spawn([&] { has_run = true; });
        char byte = 'x';
        const auto goes_round = [&] {
          CHECK(::write(files.out, &byte, 1) == 1);
          CHECK(::read(files.in, &byte, 1) == 1);
        };
        // A library may be in the midst of a change that the fibers of its thread share, OpenSSL's queue of errors, say.
        for (const int file : {int(files.in), int(files.out)}) set_nonblocking(file, true);
        for (int i = 0; i < 1'000; ++i) goes_round();
        CHECK(!has_run);
        while (!has_run) {
          goes_round();
          pollfd one{files.out, POLLOUT, 0};
          CHECK(::poll(&one, 1, 1'000) == 1);
        }
        other.join();
      },
      {.workers = 1});
}

TEST_CASE("many fibers on one worker wait in read at once") {
  weft::run(
      [] {
        const std::size_t count = std::min<std::size_t>(scaled(1'000, 50), max_live_fibers() / 2);
        std::vector<ends> files;
        std::vector<weft::fiber<void>> echoes;
        for (std::size_t i = 0; i < count && i < 400; ++i) files.push_back(make_pair(SOCK_STREAM));
        for (const ends& file : files) {
          echoes.push_back(weft::spawn([&file] {
            char text[64];
            for (ssize_t got; (got = ::read(file.in, text, sizeof text)) > 0;)
              CHECK(::write(file.in, text, std::size_t(got)) == got);
          }));
        }
        while (weft::stats().parked < echoes.size()) weft::this_fiber::yield();
        char text[64];
        for (int round = 0; round < 3; ++round) {
          for (const ends& file : files) CHECK(::write(file.out, "hello", 5) == 5);
          for (const ends& file : files) CHECK(::read(file.out, text, sizeof text) == 5);
        }
        for (ends& file : files) file.out.close();
        for (auto& echo : echoes) echo.join();
      },
      {.workers = 1});
}
