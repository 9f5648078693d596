// SPDX-License-Identifier: BSL-1.0
// memory [stackless]: what does a parked fiber, or task, take, and how long do a million of them to create and to finish?
//
// Each joins the one before it, the first waits for an eventfd (the first task for an event): all are parked, and one
// write ends them all.
#include "support/report.hpp"
#include "support/resident.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>
#include <string_view>
#include <utility>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

namespace {

namespace stackless = weft::stackless;

constexpr long count = 1'000'000;

struct counts {
  long started = 0, ended = 0;
};

void fibers() {
  const int event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  bench::expect(event >= 0, "eventfd failed");
  long started = 0, ended = 0;
  double bytes = 0, seconds = 0;
  weft::options one;
  one.workers = 1;
  one.hog_threshold = std::chrono::nanoseconds(0);  // spawning a million takes longer
  weft::run(
      [&] {
        const long before = bench::resident();
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
        bytes = static_cast<double>(bench::resident() - before) / count;
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

stackless::task<> waiting(weft::event& go, counts& all) {
  ++all.started;
  co_await go.async_wait();
  ++all.ended;
}

stackless::task<> joining(stackless::task_handle<> previous, counts& all) {
  ++all.started;
  co_await previous;
  ++all.ended;
}

stackless::task<> chain(counts& all, double& bytes, double& seconds) {
  weft::event go;
  const long before = bench::resident();
  const bench::stopwatch creating;
  auto last = stackless::create_task(waiting(go, all));
  for (long i = 1; i < count; ++i) last = stackless::create_task(joining(std::move(last), all));
  while (all.started < count) co_await stackless::yield();
  seconds = creating.seconds();
  bench::expect(all.ended == 0, "a task ended early");
  bytes = static_cast<double>(bench::resident() - before) / count;
  const bench::stopwatch finishing;
  go.set();
  co_await last;
  seconds += finishing.seconds();
}

void tasks() {
  counts all;
  double bytes = 0, seconds = 0;
  weft::options one;
  one.workers = 1;
  one.hog_threshold = std::chrono::nanoseconds(0);
  stackless::run(chain(all, bytes, seconds), one);
  bench::expect(all.ended == count, "not every task ended");
  bench::report("memory/parked", "stackless", "B", {bytes});
  bench::report("memory/million", "stackless", "s", {seconds});
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "stackless")
    tasks();
  else
    fibers();
}
