// SPDX-License-Identifier: BSL-1.0
// Errors while there is no memory: none is lost, and nothing terminates. Replaces the program's operator new, which fails
// on demand; exceptions themselves come from elsewhere.
#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <exception>
#include <new>
#include <thread>
#include <vector>
#include <weft/weft.hpp>

namespace {

std::atomic<bool> is_memory_gone{false};

class no_memory {
 public:
  no_memory() { is_memory_gone = true; }
  ~no_memory() { is_memory_gone = false; }
  no_memory(const no_memory&) = delete;
  no_memory& operator=(const no_memory&) = delete;
};

// Not interrupted by the errors of others.
void wait_for(const std::atomic<int>& what, int value) {
  weft::shield([&] {
    while (what != value) weft::this_fiber::yield();
  });
}

// Fibers that throw `first`, `first + 1`, ... one after the other, each when it is its turn. On one worker, so that the
// next one runs only when the one before it has ended.
void fail_in_turn(weft::scope& s, std::atomic<int>& turn, int first, int count) {
  std::atomic<int> started{0};
  for (int i = first; i < first + count; ++i) {
    s.spawn({.worker = 0}, [&turn, &started, i] {
      ++started;
      wait_for(turn, i);
      ++turn;
      throw i;
    });
  }
  wait_for(started, count);
}

// What comes out of a scope whose children throw 1, 2, ... without memory; the body throws 0 if it is to.
int first_error(int count, bool body_throws) {
  std::atomic<int> turn{0}, watching{0};
  try {
    weft::with_scope([&](weft::scope& s) {
      fail_in_turn(s, turn, 1, count);
      if (body_throws) {
        s.spawn([&] {
          watching = 1;
          while (!weft::this_fiber::cancelled()) weft::shield([] { weft::this_fiber::yield(); });
          turn = 1;
        });
        wait_for(watching, 1);
      }
      is_memory_gone = true;
      if (body_throws) throw 0;
      turn = 1;
    });
  } catch (int error) {
    is_memory_gone = false;
    return error;
  } catch (...) {
  }
  is_memory_gone = false;
  return -1;
}

}  // namespace

// None is inlined, lest g++ see one side of a pair as malloc or free, and the other one by its name.
[[gnu::noinline]] void* operator new(std::size_t size) {
  if (!is_memory_gone.load(std::memory_order_relaxed)) {
    if (void* const memory = std::malloc(size)) return memory;
  }
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return is_memory_gone.load(std::memory_order_relaxed) ? nullptr : std::malloc(size);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

TEST_CASE("without memory the first error comes out of a scope alone") {
  weft::run([] {
    CHECK(first_error(1, false) == 1);
    CHECK(first_error(1, true) == 0);
    CHECK(first_error(3, false) == 1);
    CHECK(first_error(3, true) == 0);
  });
}

TEST_CASE("without memory the error of a scope's body comes out only if it was the first") {
  weft::run([] {
    std::atomic<int> turn{0};
    int error = -1;
    try {
      weft::with_scope([&](weft::scope& s) {
        fail_in_turn(s, turn, 1, 2);
        turn = 1;
        wait_for(turn, 3);
        while (weft::stats().live_fibers != 1) weft::shield([] { weft::this_fiber::yield(); });
        is_memory_gone = true;
        throw 3;
      });
    } catch (int first) {
      error = first;
    }
    is_memory_gone = false;
    CHECK(error == 1);
  });
}

TEST_CASE("errors of a scope come in the order in which they happened") {
  weft::run([] {
    std::atomic<int> turn{0};
    try {
      weft::with_scope([&](weft::scope& s) {
        fail_in_turn(s, turn, 1, 2);
        turn = 1;
        wait_for(turn, 3);
        while (weft::stats().live_fibers != 1) weft::shield([] { weft::this_fiber::yield(); });
        throw 3;
      });
      CHECK(false);
    } catch (const weft::exception_group& group) {
      int expected = 1;
      for (const auto& error : group.exceptions()) {
        try {
          std::rethrow_exception(error);
        } catch (int value) {
          CHECK(value == expected++);
        }
      }
      CHECK(expected == 4);
    }
  });
}

TEST_CASE("without memory what nobody observes is kept for run") {
  try {
    weft::run([] {
      std::atomic<int> ready{0};
      for (int i = 0; i < 3; ++i) {
        weft::go([&ready, i] {
          ++ready;
          wait_for(ready, 4);
          throw i;
        });
      }
      wait_for(ready, 3);
      {
        const no_memory here;
        ready = 4;
        weft::shield([] {
          while (weft::stats().live_fibers != 1) weft::this_fiber::yield();
        });
      }
    });
    CHECK(false);
  } catch (const weft::exception_group& group) {
    CHECK(group.exceptions().size() == 3);
  }
}

TEST_CASE("without memory every fiber runs that could be spawned") {
  weft::run(
      [] {
        constexpr int count = 400;  // more than the queue of fresh ones has room for at first
        std::vector<weft::fiber<>> all;
        for (int i = 0; i < count; ++i) {
          all.push_back(weft::spawn([] { weft::this_fiber::sleep_until(weft::never); }));
          weft::this_fiber::yield();  // it starts
        }
        all.clear();  // their blocks are there for the others
        int ran = 0;
        {
          const no_memory gone;
          for (int i = 0; i < count; ++i) all.push_back(weft::spawn([&ran] { ++ran; }));
        }
        for (auto& f : all) f.join();
        CHECK(ran == count);
      },
      {.workers = 1});
}

TEST_CASE("errors that nobody takes go with their runtime") {
  weft::runtime r;
  for (int i = 0; i < 300; ++i) r.go([i] { throw i; });
}

TEST_CASE("without memory a plain thread may drop the handle of a fiber that lives") {
  weft::runtime r;
  std::atomic<bool> begun{false}, unwound{false};
  auto f = r.spawn([&] {
    begun = true;
    try {
      weft::this_fiber::sleep_until(weft::never);
    } catch (const weft::cancelled&) {
      for (int i = 0; i < 1000; ++i) weft::shield([] { weft::this_fiber::yield(); });
      unwound = true;
    }
  });
  std::thread([&] {
    while (!begun) std::this_thread::yield();
    const no_memory here;
    f = {};
  }).join();
  CHECK(unwound);
}
