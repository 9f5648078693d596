// SPDX-License-Identifier: BSL-1.0
// Walkers of the stack see a flow's frames, and an end.
#include <doctest/doctest.h>
#include <execinfo.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "context/flow.hpp"
#include "support/session.hpp"

using weft::test::flow;

extern "C" void weft_context_start();  // with Boost.Context there is none

namespace {

constexpr bool own_switch = weft::detail::switch_name == std::string_view("asm");

std::uintptr_t start_of_flows() {
  if constexpr (own_switch)
    return reinterpret_cast<std::uintptr_t>(&weft_context_start);
  else
    return 0;
}

// Where a frame keeps its caller's frame pointer, in words from its own.
#if defined(__riscv)
constexpr int callers_frame = -2;
#else
constexpr int callers_frame = 0;
#endif

// Called at the bottom of a few frames, one of them a stop for a debugger.
extern "C" [[gnu::noinline]] void weft_test_bottom() { asm volatile(""); }

template <class F> [[gnu::noinline]] void call_below(int depth, F&& f) {
  if (depth == 0) {
    f();
  } else {
    call_below(depth - 1, f);
  }
  asm volatile("");  // keeps the frame
}

// `backtrace`, from a flow.
struct trace {
  std::array<void*, 128> frames{};
  int count = 0;
};

trace backtrace_of_flow(int depth) {
  trace seen;
  flow f([&](flow&) {
    call_below(depth, [&] { seen.count = backtrace(seen.frames.data(), static_cast<int>(seen.frames.size())); });
  });
  f.run();
  return seen;
}

std::string output_of(const std::string& command) {
  std::string all;
  FILE* const pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return all;
  char buffer[4096];
  for (std::size_t got; (got = fread(buffer, 1, sizeof buffer, pipe)) > 0;) all.append(buffer, got);
  pclose(pipe);
  return all;
}

std::string own_path() {
  char path[4096] = {};
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  return length > 0 ? std::string(path, static_cast<std::size_t>(length)) : std::string();
}

}  // namespace

TEST_CASE("a backtrace from a flow ends, and shows one frame more for one call more") {
  const trace short_one = backtrace_of_flow(2), long_one = backtrace_of_flow(12);
  CHECK(short_one.count >= 5);
  CHECK(short_one.count < 60);
  CHECK(long_one.count == short_one.count + 10);
}

TEST_CASE("the last frame of a backtrace from a flow is the one that called the entry function" *
          doctest::skip(!own_switch)) {
  const trace seen = backtrace_of_flow(2);
  REQUIRE(seen.count > 0);
  const std::uintptr_t root = start_of_flows();
  const auto last = reinterpret_cast<std::uintptr_t>(seen.frames[static_cast<std::size_t>(seen.count - 1)]);
  CHECK(last > root);
  CHECK(last < root + 64);
}

TEST_CASE("the chain of frame pointers from a flow ends with zero, within the flow's stack" *
          doctest::skip(!own_switch)) {
  int frames = 0;
  bool outside = false;
  std::uintptr_t last = 1;
  flow f([&](flow& self) {
    call_below(4, [&] {
      weft_test_bottom();  // on riscv64 the frame of a function that calls nobody looks different
      const auto* frame = static_cast<const std::uintptr_t*>(__builtin_frame_address(0));
      while (frame != nullptr && frames < 100) {
        if (!self.contains(frame + callers_frame)) outside = true;
        if (outside) break;
        last = frame[callers_frame];
        frame = reinterpret_cast<const std::uintptr_t*>(last);
        ++frames;
      }
    });
  });
  f.run();
  CHECK_FALSE(outside);
  CHECK(last == 0);
  CHECK(frames >= 5);
}

// Run under gdb by the next one.
TEST_CASE("a flow that stops for the debugger" * doctest::skip()) {
  flow f([](flow& self) {
    call_below(3, [] { weft_test_bottom(); });
    self.leave();
    call_below(3, [] { weft_test_bottom(); });
  });
  f.run();
}

TEST_CASE("gdb walks a flow to its root and says nothing of a corrupt stack" * doctest::skip(!own_switch)) {
  const std::string gdb = "gdb -nx -batch -ex 'set debuginfod enabled off' ";
  const std::string said =
      output_of(gdb + "-ex 'break weft_test_bottom' -ex run -ex bt -ex continue -ex bt --args " + own_path() +
                " --no-skip --test-case='a flow that stops for the debugger' 2>&1 </dev/null");
  if (said.find("Breakpoint 1, ") == std::string::npos) {
    weft::test::skip("gdb is not there, or cannot run this program");
    return;
  }
  for (const char* complaint : {"corrupt", "Backtrace stopped", "previous frame", "Cannot access memory"}) {
    CAPTURE(complaint);
    CHECK(said.find(complaint) == std::string::npos);
  }
  const std::size_t root = said.find("weft_context_start");
  REQUIRE(root != std::string::npos);
  // The last line of the walk: nothing with a number behind it.
  const std::size_t next_line = said.find('\n', root);
  REQUIRE(next_line != std::string::npos);
  CHECK(said[next_line + 1] != '#');
  CHECK(said.find("weft_context_start", next_line) != std::string::npos);  // the second walk, behind a switch
}
