// SPDX-License-Identifier: BSL-1.0
// The question of bench/timers.cpp asked of Boost.Asio's steady_timer: asio_timers_peer timers.
#include "../../support/deadlines.hpp"
#include "../../support/report.hpp"

#include <utility>  // needed by Asio 1.74, which does not include it

#include <boost/asio.hpp>

#include <deque>
#include <string>
#include <vector>

namespace {

namespace asio = boost::asio;

double sleeps() {
  constexpr std::size_t sleepers = 100'000;
  std::mt19937_64 random(1);
  std::uniform_int_distribution<long> below_a_second(0, 999'999'999);
  std::size_t woken = 0, early = 0;
  const double before = bench::cpu_seconds();
  asio::io_context context(1);
  std::deque<asio::steady_timer> all;
  for (std::size_t i = 0; i < sleepers; ++i) {
    const std::chrono::nanoseconds nap(below_a_second(random));
    auto& timer = all.emplace_back(context, nap);
    timer.async_wait([&woken, &early, until = timer.expiry()](boost::system::error_code) {
      early += std::chrono::steady_clock::now() < until;
      ++woken;
    });
  }
  context.run();
  bench::expect(woken == sleepers && early == 0, "somebody woke early");
  return bench::cpu_seconds() - before;
}

double deadlines() {
  const bench::deadline_plan plan;
  asio::io_context context(1);
  std::deque<asio::steady_timer> all;
  for (std::size_t i = 0; i < bench::deadline_plan::count; ++i) all.emplace_back(context);
  std::size_t cancelled = 0;
  const double before = bench::cpu_seconds();
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].expires_after(plan.delay[i]);
    all[i].async_wait(
        [&cancelled](boost::system::error_code why) { cancelled += why == asio::error::operation_aborted; });
  }
  for (const std::size_t i : plan.order) all[i].cancel();
  context.run();  // a cancelled wait ends by its callback
  const double took = bench::cpu_seconds() - before;
  bench::expect(cancelled == bench::deadline_plan::count, "a deadline was not cancelled");
  return took;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 || std::string(argv[1]) != "timers") {
    std::fprintf(stderr, "usage: asio_timers_peer timers\n");
    return 2;
  }
  std::vector<double> slept, cancelled;
  for (int i = 0; i < 3; ++i) cancelled.push_back(deadlines());
  for (int i = 0; i < 3; ++i) slept.push_back(sleeps());
  bench::report("timers/sleeps", "asio", "s", slept);
  bench::report("timers/deadlines", "asio", "s", cancelled);
}
