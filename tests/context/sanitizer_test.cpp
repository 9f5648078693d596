// SPDX-License-Identifier: BSL-1.0
// The sanitizers know of flows: each finds its planted bug on one, and flags nothing in the healthy twin. In builds
// without sanitizers only the twins run.
#include <doctest/doctest.h>
#include <sanitizer/asan_interface.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdio>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "context/flow.hpp"
#include "support/scale.hpp"

using namespace weft::detail;
using weft::test::active_sanitizer;
using weft::test::flow;
using weft::test::sanitizer;
using weft::test::scaled;

namespace {

// Runs one of the skipped test cases below in a process of its own, and returns what that says.
std::string run_apart(const std::string& test_case) {
  char path[4096] = {};
  if (readlink("/proc/self/exe", path, sizeof path - 1) <= 0) return {};
  const std::string command = "ASAN_OPTIONS=detect_stack_use_after_return=1:$ASAN_OPTIONS " + std::string(path) +
                              " --no-skip --test-case='" + test_case + "' 2>&1 </dev/null";
  std::string all;
  FILE* const pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return all;
  char buffer[4096];
  for (std::size_t got; (got = fread(buffer, 1, sizeof buffer, pipe)) > 0;) all.append(buffer, got);
  pclose(pipe);
  return all;
}

template <class T> T* hidden(T* pointer) {
  asm volatile("" : "+r"(pointer));
  return pointer;
}

// A local whose red zones stay poisoned if the flow leaves for ever while it stands.
[[gnu::noinline]] void fill(std::size_t from, std::size_t to) {
  char buffer[512];
  for (std::size_t i = from; i < to; ++i) *hidden(buffer + i) = 1;
}

// A plain int counted by two flows, each on a thread of its own: at once, or one after the other.
int count_on_two_threads(bool at_once) {
  int counter = 0;
  std::atomic<int> started{0};
  const auto body = [&](flow& self) {
    started.fetch_add(1, std::memory_order_relaxed);  // orders nothing: the race must stay one
    while (at_once && started.load(std::memory_order_relaxed) < 2) self.leave();
    for (int i = 0; i < 1'000; ++i) {
      ++*hidden(&counter);
      if (i % 100 == 0) self.leave();
    }
  };
  flow one(body), other(body);
  std::thread first([&] { one.run(); });
  if (!at_once) first.join();
  std::thread second([&] { other.run(); });
  if (at_once) first.join();
  second.join();
  return counter;
}

}  // namespace

TEST_CASE("planted: a write past a local of a flow" * doctest::skip()) {
  flow f([](flow& self) {
    self.leave();
    fill(0, 513);
  });
  f.run();
}

TEST_CASE("planted: a local that a flow returned from" * doctest::skip()) {
  flow f([](flow& self) {
    const auto escape = [](int** out) __attribute__((noinline)) {
      int local = 1;
      *out = hidden(&local);
    };
    int* dangling = nullptr;
    escape(&dangling);
    self.leave();
    *dangling = 2;
  });
  f.run();
}

TEST_CASE("planted: two flows on two threads count in one int" * doctest::skip()) { count_on_two_threads(true); }

TEST_CASE("AddressSanitizer finds a write past a local of a flow, and a use after return, across switches" *
          doctest::skip(active_sanitizer != sanitizer::address)) {
  const std::string past = run_apart("planted: a write past a local of a flow");
  CHECK(past.find("stack-buffer-overflow") != std::string::npos);
  CHECK(past.find("fill") != std::string::npos);  // the report walks the flow's stack
  const std::string after = run_apart("planted: a local that a flow returned from");
  CHECK(after.find("stack-use-after-return") != std::string::npos);
}

TEST_CASE("ThreadSanitizer finds a race between flows on two threads" *
          doctest::skip(active_sanitizer != sanitizer::thread)) {
  const std::string race = run_apart("planted: two flows on two threads count in one int");
  CHECK(race.find("data race") != std::string::npos);
}

TEST_CASE("flows on two threads, one after the other, are no race") { CHECK(count_on_two_threads(false) == 2'000); }

TEST_CASE("the red zones of frames that a flow left for ever do not meet the next flow on its stack") {
  // Ends in a deep frame with poisoned red zones around its locals, by the last switch: nothing unwinds them.
  struct context_pair {
    weft::detail::context outside, inside;
  };
  const auto end_deep = [](void* argument) noexcept {
    const auto leave_for_ever = [](context_pair & pair) __attribute__((noinline)) {
      char local[64];
      hidden(local)[0] = 1;
      weft::detail::switch_from_finished(pair.inside, pair.outside);
    };
    leave_for_ever(*static_cast<context_pair*>(argument));
  };
  const auto use_all = [](void* argument) noexcept {
    auto& pair = *static_cast<context_pair*>(argument);
    fill(0, 512);
    auto* const here = static_cast<std::byte*>(__builtin_frame_address(0));
    for (int i = 4096; i > 1024; --i) hidden(here)[-i] = std::byte{1};
    weft::detail::switch_from_finished(pair.inside, pair.outside);
  };
  const std::size_t size = std::size_t{64} << 10;
  struct alignas(64) line {
    std::byte bytes[64];
  };
  std::vector<line> memory(size / sizeof(line));
  auto* const low = memory.front().bytes;
  for (int i = 0; i < 3; ++i) {
    context_pair pair;
    pair.inside.prepare(low, low + size, end_deep, &pair);
    weft::detail::switch_context(pair.outside, pair.inside);
    context_pair next;
    next.inside.prepare(low, low + size, use_all, &next);
    weft::detail::switch_context(next.outside, next.inside);
  }
}

TEST_CASE("flows come and go by the ten thousand, on stacks of their own and on one, though TSan knows only 8,000") {
  const std::size_t each = scaled(20'000, 8'500);
  std::size_t ended = 0;
  for (std::size_t i = 0; i < each; ++i) {
    flow f([&](flow& self) {
      self.leave();
      ++ended;
    });
    f.run();
  }
  std::function<void(flow&)> body = [&](flow& self) {
    self.leave();
    if (++ended < 2 * each) self.go_on_as(body);
  };
  flow chain(body);
  chain.run();
  CHECK(ended == 2 * each);
}

TEST_CASE("what a flow left poisoned is free for the one that goes on upon its stack") {
  flow f([](flow& self) {
    ASAN_POISON_MEMORY_REGION(self.low() + 4096, 64);
    self.go_on_as([](flow& next) { *hidden(next.low() + 4096) = std::byte{1}; });
  });
  f.run();
}

TEST_CASE("a flow's fake stack goes with it") {
  const auto address_space = [] {
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    return pages * 4096;
  };
  const auto come_and_go = [](int flows) {
    for (int i = 0; i < flows; ++i) {
      flow f([](flow& self) {
        fill(0, 512);
        self.leave();
      });
      f.run();
    }
  };
  come_and_go(20);
  const std::size_t before = address_space();
  come_and_go(200);
  CHECK(address_space() < before + (std::size_t{256} << 20));  // one is 11 MiB
}

TEST_CASE("a flow that left another flow's stack last, as one that is pulled, leaves its own clean when it ends") {
  constexpr std::size_t size = std::size_t{64} << 10;
  struct stage {
    std::vector<std::max_align_t> stack_of_puller{size / sizeof(std::max_align_t)};
    std::vector<std::max_align_t> stack_of_pulled{size / sizeof(std::max_align_t)};
    context main, puller, pulling, pulled, finished;
    std::byte* low_of(std::vector<std::max_align_t>& memory) { return reinterpret_cast<std::byte*>(memory.data()); }
    std::byte* poisoned() { return low_of(stack_of_puller) + 1024; }
  } all;
  const auto pulled = [](void* argument) noexcept {
    auto& a = *static_cast<stage*>(argument);
    switch_context(a.puller, a.main);  // the puller parks while it stands here
    switch_from_finished(a.pulled, a.pulling);
  };
  const auto puller = [](void* argument) noexcept {
    auto& a = *static_cast<stage*>(argument);
    switch_context(a.pulling, a.pulled);
    ASAN_POISON_MEMORY_REGION(a.poisoned(), 64);
    std::byte* const low = a.low_of(a.stack_of_puller);
    a.finished.take_over(a.puller, low, low + size);
    switch_from_finished(a.finished, a.main);
  };
  all.puller.prepare(all.low_of(all.stack_of_puller), all.low_of(all.stack_of_puller) + size, +puller, &all);
  all.pulled.prepare(all.low_of(all.stack_of_pulled), all.low_of(all.stack_of_pulled) + size, +pulled, &all);
  switch_context(all.main, all.puller);
  switch_context(all.main, all.puller);
  *hidden(all.poisoned()) = std::byte{1};  // AddressSanitizer would say so
}
