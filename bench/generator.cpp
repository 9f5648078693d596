// SPDX-License-Identifier: BSL-1.0
// What does one pull cost, on a fiber and on a plain thread, and what a generator's whole life, with a stack and with a
// frame, against a bare C++20 generator in the same process? Against Boost.Coroutine2's pull (a peer).
#include "support/coroutine.hpp"
#include "support/report.hpp"

#include <vector>
#include <weft/fiber/generator.hpp>
#include <weft/fiber/run.hpp>
#include <weft/stackless/generator.hpp>

namespace {

constexpr long pulls = 10'000'000;  // of each measured run
constexpr long lives = 500'000;
constexpr long items = 3;  // in a life

struct counts_to {
  long end;
  template <class Yield> void operator()(Yield& yield) const {
    for (long i = 0; i < end; ++i) yield(i);
  }
};

double pull() {
  weft::generator<long> numbers(counts_to{pulls});
  long sum = 0;
  const bench::stopwatch watch;
  for (const long n : numbers) sum += n;
  const double each = watch.nanoseconds() / pulls;
  bench::expect(sum == pulls * (pulls - 1) / 2, "not every item came");
  return each;
}

double life() {
  long sum = 0;
  const bench::stopwatch watch;
  for (long i = 0; i < lives; ++i) {
    weft::generator<long> numbers(counts_to{items});
    for (const long n : numbers) sum += n;
  }
  const double each = watch.nanoseconds() / lives;
  bench::expect(sum == lives * items * (items - 1) / 2, "not every item came");
  return each;
}

[[gnu::noinline]] bench::floor::yielding count_to(long end) {  // not inlined, or there would be no frame
  for (long i = 0; i < end; ++i) co_yield i;
}

double floor_pull() {
  auto numbers = count_to(pulls);
  long sum = 0;
  const bench::stopwatch watch;
  while (numbers.next()) sum += numbers.value();
  const double each = watch.nanoseconds() / pulls;
  bench::expect(sum == pulls * (pulls - 1) / 2, "not every item came");
  return each;
}

double floor_life() {
  long sum = 0;
  const bench::stopwatch watch;
  for (long i = 0; i < lives; ++i) {
    auto numbers = count_to(items);
    while (numbers.next()) sum += numbers.value();
  }
  const double each = watch.nanoseconds() / lives;
  bench::expect(sum == lives * items * (items - 1) / 2, "not every item came");
  return each;
}

[[gnu::noinline]] weft::stackless::generator<long> stackless_count_to(long end) {
  for (long i = 0; i < end; ++i) co_yield i;
}

double stackless_pull() {
  auto numbers = stackless_count_to(pulls);
  long sum = 0;
  const bench::stopwatch watch;
  for (const long n : numbers) sum += n;
  const double each = watch.nanoseconds() / pulls;
  bench::expect(sum == pulls * (pulls - 1) / 2, "not every item came");
  return each;
}

double stackless_life() {
  long sum = 0;
  const bench::stopwatch watch;
  for (long i = 0; i < lives; ++i) {
    auto numbers = stackless_count_to(items);
    for (const long n : numbers) sum += n;
  }
  const double each = watch.nanoseconds() / lives;
  bench::expect(sum == lives * items * (items - 1) / 2, "not every item came");
  return each;
}

double on_a_fiber(double (*what)()) {
  weft::options one;
  one.workers = 1;
  return weft::run(what, one);
}

}  // namespace

int main() {
  std::vector<double> pulled, plain, lived, stackless_pulled, stackless_lived, floor_pulled, floor_lived;
  for (int i = 0; i < bench::repeats; ++i) {
    pulled.push_back(on_a_fiber(&pull));
    floor_pulled.push_back(floor_pull());
    plain.push_back(pull());
    lived.push_back(on_a_fiber(&life));
    floor_lived.push_back(floor_life());
    stackless_pulled.push_back(stackless_pull());
    stackless_lived.push_back(stackless_life());
  }
  bench::report("generator/pull", "weft", "ns", pulled);
  bench::report("generator/pull", "stackless", "ns", stackless_pulled);
  bench::report("generator/pull", "cxx20", "ns", floor_pulled);
  bench::report("generator/thread", "weft", "ns", plain);
  bench::report("generator/life", "weft", "ns", lived);
  bench::report("generator/life", "stackless", "ns", stackless_lived);
  bench::report("generator/life", "cxx20", "ns", floor_lived);
}
