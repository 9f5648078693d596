// SPDX-License-Identifier: BSL-1.0
// A million fibers at once, each with a guarded stack, on a kernel with its usual limits.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <string>
#include <vector>
#include <weft/weft.hpp>

#include "context/guard.hpp"
#include "context/memory_map.hpp"
#include "support/scale.hpp"
#include "support/session.hpp"

namespace {

using namespace std::chrono_literals;

std::size_t available_memory() {
  std::ifstream info("/proc/meminfo");
  for (std::string key; info >> key;) {
    std::size_t kib = 0;
    if (key == "MemAvailable:" && info >> kib) return kib * 1024;
  }
  return 0;
}

// Why it cannot be done here, or null.
const char* obstacle(std::size_t count) {
#ifndef NDEBUG
  return "a million fibers are for release builds";
#endif
  if (weft::test::workers() != 4) return "a million fibers once are enough: in the leg with four workers";
  if (weft::test::max_live_fibers() < count) return "needs a native build without sanitizers";
  if (!weft::detail::guard_install_works()) return "needs MADV_GUARD_INSTALL (Linux 6.13 and later)";
  if (available_memory() < std::size_t{10} << 30) return "needs 10 GiB of free memory";
  return nullptr;
}

}  // namespace

TEST_CASE("a million fibers park at once, half of them with a timer, with at most 6 KiB each, and all unwind") {
  constexpr std::size_t count = 1'000'000;
  if (const char* const why = obstacle(count)) {
    weft::test::skip(why);
    return;
  }
  const auto used = [] { return weft::test::status_bytes("VmRSS") + weft::test::status_bytes("VmPTE"); };
  std::atomic<std::size_t> begun{0}, unwound{0};
  weft::run(
      [&] {
        const std::size_t before = used();
        struct on_exit {
          std::atomic<std::size_t>& count;
          ~on_exit() { ++count; }
        };
        std::vector<weft::fiber<void>> all;
        all.reserve(count);
        const weft::deadline someday = 1h;
        for (std::size_t i = 0; i < count; ++i) {
          all.push_back(weft::spawn([&begun, &unwound, until = i % 2 == 0 ? someday : weft::never] {
            const on_exit guard{unwound};
            ++begun;
            weft::this_fiber::sleep_until(until);
          }));
        }
        while (begun < count) weft::this_fiber::sleep_for(1ms);
        while (weft::stats().parked < count) weft::this_fiber::sleep_for(100ms);  // each look visits a million
        CHECK(used() - before <= count * 6144);
        CHECK(weft::stats().live_fibers == count + 1);
        CHECK(weft::stats().timers == count / 2);
        CHECK(unwound == 0);
        for (auto& each : all) each.cancel();  // one by one the workers would wake each other for every single one
      },
      {.workers = 2, .hog_threshold = 0ns});
  CHECK(unwound == count);
}
