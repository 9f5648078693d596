// SPDX-License-Identifier: BSL-1.0
// Questions of bench/ asked of Boost.Coroutine2: boost_coroutine_peer switch|generator|deep|depth. With pooled stacks: with
// its default ones a life would be mostly malloc. Where memory is measured they are the default ones.
#include "../../support/levels.hpp"
#include "../../support/parked.hpp"
#include "../../support/report.hpp"

#include <boost/coroutine2/all.hpp>

#include <string>
#include <vector>

namespace {

namespace coroutines = boost::coroutines2;
using numbers = coroutines::coroutine<long>;

double one_way() {
  constexpr long round_trips = 5'000'000;
  long visits = 0;
  coroutines::coroutine<void>::pull_type there([&](coroutines::coroutine<void>::push_type& back) {
    for (;; ++visits) back();
  });
  const bench::stopwatch watch;
  for (long i = 0; i < round_trips; ++i) there();
  const double each = watch.nanoseconds() / (2 * round_trips);
  bench::expect(visits == round_trips, "the other flow did not run each time");
  return each;
}

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

[[gnu::noinline]] long hand_out(numbers::push_type& yield, long depth) {
  if (depth > 1) return bench::keep(hand_out(yield, depth - 1)) + 1;
  for (long i = 0; i < bench::handed_up; ++i) yield(i);
  return 1;
}

double deep(long depth) {
  numbers::pull_type source([depth](numbers::push_type& yield) { hand_out(yield, depth); });
  long sum = 0;
  const bench::stopwatch watch;
  for (const long n : source) sum += n;
  const double each = watch.nanoseconds() / bench::handed_up;
  bench::expect(sum == bench::handed_up * (bench::handed_up - 1) / 2, "not every item came");
  return each;
}

[[gnu::noinline]] long last(numbers::push_type& yield, long& there) {
  ++there;
  yield(0);
  return 0;
}

[[gnu::noinline]] long below(long depth, numbers::push_type& yield, long& there) {
  const bench::locals mine(depth);
  const long sum = depth > 1 ? below(depth - 1, yield, there) : last(yield, there);
  return sum + mine.sum();
}

void depth() {
  long there = 0, sum = 0;
  std::vector<numbers::pull_type> all;
  all.reserve(static_cast<std::size_t>(bench::parked) * bench::parked_below.size());
  for (const long depth : bench::parked_below) {
    const bench::growth grown;
    for (long i = 0; i < bench::parked; ++i) {
      all.emplace_back([&, depth](numbers::push_type& yield) { sum += below(depth, yield, there); });
    }
    grown.report("boost_coroutine", depth);
  }
  bench::expect(there == static_cast<long>(all.size()), "somebody does not wait");
  for (auto& source : all) source();
  bench::expect(sum == bench::expected_sum(), "not every call came back");
}

void switching() {
  std::vector<double> values;
  for (int i = 0; i < bench::repeats; ++i) values.push_back(one_way());
  bench::report("switch/one-way", "boost_coroutine", "ns", values);
}

void generator() {
  std::vector<double> pulled, lived;
  for (int i = 0; i < bench::repeats; ++i) {
    pulled.push_back(pull());
    lived.push_back(life());
  }
  bench::report("generator/pull", "boost_coroutine", "ns", pulled);
  bench::report("generator/life", "boost_coroutine", "ns", lived);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string question = argc == 2 ? argv[1] : "";
  if (question == "switch") return switching(), 0;
  if (question == "generator") return generator(), 0;
  if (question == "depth") return depth(), 0;
  if (question == "deep") return bench::each_depth("deep/yield", "boost_coroutine", deep), 0;
  std::fprintf(stderr, "usage: boost_coroutine_peer switch|generator|deep|depth\n");
  return 2;
}
