// SPDX-License-Identifier: BSL-1.0
// Where frames come from: each thread's lists of those that have ended on it, and the heap. Not for sanitizers, under which
// there are no lists, and whose operators this replaces.
#include <weft/detail/stackless/frame.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <thread>
#include <vector>
#include <weft/stackless.hpp>

using weft::detail::give_frame;
using weft::detail::take_frame;

namespace {

// On the thread that heap_is_counted.
thread_local bool heap_is_counted = false;
std::atomic<long> heap_blocks{0};  // that are out
std::atomic<long> heap_calls{0};   // ever

void on_another_thread(auto&& body) { std::thread(body).join(); }

// What is done when their thread ends: counting goes on; the last frame comes and goes.
struct count_again {
  ~count_again() { heap_is_counted = true; }
};
struct late_frame {
  ~late_frame() { give_frame(take_frame(100), 100); }
};

}  // namespace

// None is inlined, lest g++ see one side of a pair as malloc or free, and the other one by its name.
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  if (heap_is_counted) ++heap_blocks, ++heap_calls;
  return std::malloc(size);
}
[[gnu::noinline]] void* operator new(std::size_t size) {
  if (void* const memory = operator new(size, std::nothrow)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  if (heap_is_counted && memory) --heap_blocks;
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }

TEST_CASE("a frame that has ended serves the next one of its size on its thread") {
  on_another_thread([] {
    void* const one = take_frame(100);
    void* const other = take_frame(300);
    give_frame(one, 100);
    give_frame(other, 300);
    void* elsewhere = nullptr;
    on_another_thread([&elsewhere] { elsewhere = take_frame(100); });
    CHECK(elsewhere != one);
    CHECK(take_frame(300) == other);
    CHECK(take_frame(112) == one);  // rounded up like 100
    give_frame(elsewhere, 100);     // who ends it elsewhere keeps it there
    CHECK(take_frame(100) == elsewhere);
    for (void* frame : {one, elsewhere}) give_frame(frame, 100);
    give_frame(other, 300);
  });
}

TEST_CASE("a thread keeps no more than a mebibyte of frames, and gives it back when it ends") {
  for (const std::size_t size : {std::size_t(1), std::size_t(512), std::size_t(513), std::size_t(100'000)}) {
    std::atomic<long> kept{0};
    heap_blocks = 0;
    on_another_thread([&] {
      thread_local late_frame last;
      static_cast<void>(&last);
      std::vector<void*> frames(3000);
      heap_is_counted = true;
      for (void*& frame : frames) frame = take_frame(size);
      CHECK(heap_blocks == 3000);
      for (void* frame : frames) give_frame(frame, size);
      heap_is_counted = false;
      kept = heap_blocks.load();
      thread_local count_again first;
      static_cast<void>(&first);
    });
    CHECK(heap_blocks == 0);
    CHECK(kept == (size == 1 ? 3000 : size == 512 ? 2048 : 0));
  }
}

TEST_CASE("frames of a size that is not wanted any more give way to others") {
  on_another_thread([] {
    const auto come_and_go = [](std::size_t size) {
      std::vector<void*> frames(2000);
      for (void*& frame : frames) frame = take_frame(size);
      for (void* frame : frames) give_frame(frame, size);
    };
    come_and_go(512);
    come_and_go(48);
    heap_is_counted = true;
    for (int i = 0; i < 3; ++i) come_and_go(400);
    heap_calls = 0;
    come_and_go(400);
    CHECK(heap_calls == 0 + 1);  // of the vector
    heap_is_counted = false;
  });
}

namespace {

weft::stackless::task<int> echoed(int value) { co_return value; }
weft::stackless::task<int> calls_below(int levels) {
  if (levels == 0) co_return 0;  // not by ?:, in which g++ 12 awaits all the same
  co_return 1 + co_await calls_below(levels - 1);
}

weft::stackless::generator<int> two_numbers() {
  co_yield 1;
  co_yield 2;
}
weft::stackless::async_generator<int> three_numbers() {
  for (int i = 0; i < 3; ++i) co_yield i;
}

weft::stackless::task<long> heap_calls_of_tasks() {
  long sum = 0;
  for (int round = 0; round < 2; ++round) {
    heap_is_counted = true;
    heap_calls = 0;
    sum += co_await echoed(1) + co_await calls_below(20);
    auto all = three_numbers();
    while (auto number = co_await all.next()) sum += *number;
    for (const int number : two_numbers()) sum += number;
    sum += co_await weft::stackless::create_task(echoed(1));
    heap_is_counted = false;
  }
  CHECK(sum == 2 * (1 + 20 + 3 + 3 + 1));
  co_return heap_calls;
}

}  // namespace

TEST_CASE("calls of coroutines take nothing from the heap when such calls were made before") {
  CHECK(weft::stackless::run(heap_calls_of_tasks(), {.workers = 1}) == 0);
}
