// SPDX-License-Identifier: BSL-1.0
// What does a parked fiber take, and how long do a million of them to create and to finish?
//
// Each joins the one before it, the first waits for an eventfd: all are parked, and one write ends them all.
#include "support/report.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <string>
#include <weft/weft.hpp>

namespace {

// Resident bytes and page tables.
long resident() {
  std::ifstream status("/proc/self/status");
  long sum = 0;
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:") || line.starts_with("VmPTE:")) sum += std::stol(line.substr(6)) * 1024;
  }
  return sum;
}

}  // namespace

int main() {
  constexpr long count = 1'000'000;
  const int event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  bench::expect(event >= 0, "eventfd failed");
  long started = 0, ended = 0;
  double bytes = 0, seconds = 0;
  weft::options one;
  one.workers = 1;
  one.hog_threshold = std::chrono::nanoseconds(0);  // spawning a million takes longer
  weft::run(
      [&] {
        const long before = resident();
        const bench::stopwatch creating;
        weft::fiber<void> last = weft::spawn([&] {
          ++started;
          weft::net::wait_readable(event);
          ++ended;
        });
        for (long i = 1; i < count; ++i) {
          last = weft::spawn([&, previous = std::move(last)]() mutable {
            ++started;
            previous.join();
            ++ended;
          });
        }
        while (started < count) weft::this_fiber::yield();
        seconds = creating.seconds();
        bench::expect(ended == 0, "a fiber ended early");
        bytes = static_cast<double>(resident() - before) / count;
        const bench::stopwatch finishing;
        const std::uint64_t go = 1;
        bench::expect(write(event, &go, sizeof go) == sizeof go, "the eventfd was not written");
        last.join();
        seconds += finishing.seconds();
      },
      one);
  bench::expect(ended == count, "not every fiber ended");
  bench::report("memory/parked", "weft", "B", {bytes});
  bench::report("memory/million", "weft", "s", {seconds});
}
