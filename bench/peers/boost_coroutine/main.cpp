// SPDX-License-Identifier: BSL-1.0
// The question of bench/generator.cpp asked of Boost.Coroutine2, with pooled stacks: with its default ones a life would
// be mostly malloc.
#include "../../support/report.hpp"

#include <boost/coroutine2/all.hpp>

#include <vector>

namespace {

namespace coroutines = boost::coroutines2;
using numbers = coroutines::coroutine<long>;

double pull() {
  constexpr long pulls = 10'000'000;
  numbers::pull_type source([](numbers::push_type& yield) {
    for (long i = 0; i < pulls; ++i) yield(i);
  });
  long sum = 0;
  const bench::stopwatch watch;
  for (const long n : source) sum += n;
  const double each = watch.nanoseconds() / pulls;
  bench::expect(sum == pulls * (pulls - 1) / 2, "not every item came");
  return each;
}

double life() {
  constexpr long lives = 500'000, items = 3;
  coroutines::pooled_fixedsize_stack stacks(256 * 1024);
  long sum = 0;
  const bench::stopwatch watch;
  for (long i = 0; i < lives; ++i) {
    numbers::pull_type source(stacks, [](numbers::push_type& yield) {
      for (long n = 0; n < items; ++n) yield(n);
    });
    for (const long n : source) sum += n;
  }
  const double each = watch.nanoseconds() / lives;
  bench::expect(sum == lives * items * (items - 1) / 2, "not every item came");
  return each;
}

}  // namespace

int main() {
  std::vector<double> pulled, lived;
  for (int i = 0; i < bench::repeats; ++i) {
    pulled.push_back(pull());
    lived.push_back(life());
  }
  bench::report("generator/pull", "boost_coroutine", "ns", pulled);
  bench::report("generator/life", "boost_coroutine", "ns", lived);
}
