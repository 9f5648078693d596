// SPDX-License-Identifier: BSL-1.0
// Stacks of fibers: overflows, running out of them.
#include <doctest/doctest.h>
#include <execinfo.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <fstream>
#include <string>
#include <thread>
#include <vector>
#include <weft/weft.hpp>

#include "fiber/control_block.hpp"
#include "fiber/overflowing.hpp"
#include "fiber/waiting.hpp"
#include "support/alone.hpp"
#include "support/scale.hpp"
#include "support/session.hpp"

using weft::test::active_sanitizer;
using weft::test::big_frame;
using weft::test::forget_handlers;
using weft::test::recurse;
using weft::test::run_alone;
using weft::test::sanitizer;

TEST_CASE("alone: a fiber overflows its stack" * doctest::skip()) {
  forget_handlers();
  weft::run([] { weft::spawn({.name = "deep one"}, [] { (void)recurse(0); }).join(); });
}
TEST_CASE("alone: a fiber overflows its stack by big frames" * doctest::skip()) {
  forget_handlers();
  weft::run([] { weft::spawn({.name = "big one", .stack_size = 128 << 10}, [] { (void)big_frame(0); }).join(); });
}
TEST_CASE("alone: a nameless fiber overflows its stack behind a handler" * doctest::skip()) {
  forget_handlers();
  struct sigaction own {};
  own.sa_handler = [](int) {
    constexpr char text[] = "the handler before\n";
    [[maybe_unused]] const auto written = write(STDERR_FILENO, text, sizeof text - 1);
    _exit(77);
  };
  own.sa_flags = SA_ONSTACK;
  sigaction(SIGSEGV, &own, nullptr);
  weft::run([] {
    weft::go([] { (void)recurse(0); });
    weft::this_fiber::sleep_until(weft::never);
  });
}
TEST_CASE("alone: an overflow without a report" * doctest::skip()) {
  forget_handlers();
  weft::run([] { (void)recurse(0); }, {.overflow_report = false});
}
TEST_CASE("alone: a wild access is no overflow" * doctest::skip()) {
  forget_handlers();
  weft::run([] {
    static volatile std::uintptr_t nowhere = 8;
    *reinterpret_cast<volatile int*>(nowhere) = 1;
  });
}

TEST_CASE("a stack overflow names the fiber, its stack and where it was created, then the process dies") {
  const auto plain = run_alone("alone: a fiber overflows its stack");
  CHECK(plain.signal == SIGSEGV);
  CHECK(plain.said_this("stack overflow in fiber "));
  CHECK(plain.said_this("\"deep one\""));
  CHECK(plain.said_this("stack of "));
  CHECK(plain.said_this("stack_test.cpp:"));
  const auto big = run_alone("alone: a fiber overflows its stack by big frames");
  CHECK(big.signal == SIGSEGV);
  CHECK(big.said_this("\"big one\""));
  const auto handled = run_alone("alone: a nameless fiber overflows its stack behind a handler");
  CHECK(handled.status == 77);
  CHECK(handled.said_this("stack overflow in fiber "));
  CHECK(handled.said_this("the handler before"));
}

TEST_CASE("without a report an overflow just dies, and a wild access is not called one") {
  const auto silent = run_alone("alone: an overflow without a report");
  CHECK(silent.signal == SIGSEGV);
  CHECK(!silent.said_this("weft:"));
  const auto wild = run_alone("alone: a wild access is no overflow");
  CHECK(wild.signal == SIGSEGV);
  CHECK(!wild.said_this("stack overflow"));
}

// Caught by this: a fiber that ends and gives its stack to the next one, of another size.
TEST_CASE("fibers of several stack sizes follow each other") {
  weft::run([] {
    for (int round = 0; round < 10; ++round) {
      std::vector<weft::fiber<int>> all;
      for (int i = 0; i < 60; ++i) {
        const std::size_t size = std::size_t(64 << 10) << (i % 4);
        all.push_back(weft::spawn({.stack_size = size}, [i, size] {
          CHECK(weft::detail::current_fiber()->ground->size() >= size);
          if (i % 2) weft::this_fiber::yield();
          return i;
        }));
      }
      for (int i = 0; i < 60; ++i) CHECK(all[std::size_t(i)].join() == i);
    }
  });
}

namespace {

// How many frames a walker sees from so many calls below.
[[gnu::noinline]] int frames_below(int depth) {  // NOLINT(misc-no-recursion)
  int count = 0;
  if (depth == 0) {
    std::array<void*, 128> frames;
    count = backtrace(frames.data(), int(frames.size()));
  } else {
    count = frames_below(depth - 1);
  }
  asm volatile("" : "+r"(count));  // keeps the frame
  return count;
}

}  // namespace

TEST_CASE("a backtrace from a fiber ends at its beginning, on any stack, before and behind its waits") {
  const auto body = [] {
    const int at_first = frames_below(2);
    CHECK(at_first >= 4);
    CHECK(at_first < 40);
    weft::this_fiber::yield();
    CHECK(frames_below(2) == at_first);
    CHECK(frames_below(12) == at_first + 10);
    weft::spawn([] {}).join();
    CHECK(frames_below(2) == at_first);
    weft::this_fiber::sleep_for(std::chrono::microseconds(1));
    CHECK(frames_below(2) == at_first);
    return at_first;
  };
  weft::run([&] {
    std::vector<weft::fiber<int>> all;
    for (int i = 0; i < 20; ++i) all.push_back(weft::spawn({.movable = i % 2 == 1}, body));
    const int expected = all.front().join();
    for (int i = 1; i < 20; ++i) CHECK(all[std::size_t(i)].join() == expected);
  });
}

TEST_CASE("an idle runtime gives the deep pages of a peak back") {
  if (active_sanitizer != sanitizer::none) {
    weft::test::skip("the sanitizers' own memory hides it");
    return;
  }
  const auto resident_pages = [] {
    std::size_t size = 0, resident = 0;
    std::ifstream("/proc/self/statm") >> size >> resident;
    return resident;
  };
  constexpr std::size_t peak = 1000, depth = 100 << 10;
  const std::size_t before = resident_pages();
  weft::runtime r({.workers = 1});
  std::atomic<std::size_t> most{0}, deep_ones{0};
  r.spawn([&] {
     weft::with_scope([&](weft::scope& s) {
       for (std::size_t i = 0; i < peak; ++i) {
         s.spawn([&] {
           volatile char deep[depth];
           asm volatile("" : : "r"(deep) : "memory");  // in one piece: clang would keep the bytes that are written
           for (std::size_t k = 0; k < depth; k += 4096) deep[k] = 1;
           ++deep_ones;
           while (most == 0) weft::this_fiber::yield();
           return int(deep[0]);
         });
       }
       while (deep_ones != peak) weft::this_fiber::yield();
       most = resident_pages();
     });
   }).join();
  const std::size_t expected = peak * depth / 4096;
  CHECK(most - before > expected * 8 / 10);
  while (resident_pages() - before > expected / 2) std::this_thread::yield();  // a hang is the failure
}
