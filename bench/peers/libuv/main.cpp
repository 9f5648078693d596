// SPDX-License-Identifier: BSL-1.0
// The question of bench/timers.cpp asked of libuv: libuv_peer timers. Its timers count milliseconds of a clock that it reads
// once a turn and rounds down: who must not wake early adds one.
#include "../../support/deadlines.hpp"
#include "../../support/report.hpp"

#include <uv.h>

#include <string>
#include <vector>

namespace {

double sleeps() {
  constexpr std::size_t sleepers = 100'000;
  struct nap {
    uv_timer_t timer;
    std::uint64_t until;
  };
  static std::size_t woken, early;
  woken = early = 0;
  std::mt19937_64 random(1);
  std::uniform_int_distribution<std::uint64_t> below_a_second(0, 999'999'999);
  const double before = bench::cpu_seconds();
  uv_loop_t loop;
  uv_loop_init(&loop);
  std::vector<nap> all(sleepers);
  for (auto& one : all) {
    const std::uint64_t length = below_a_second(random);
    one.until = uv_hrtime() + length;
    uv_update_time(&loop);  // behind it: the timer counts from here
    one.timer.data = &one;
    uv_timer_init(&loop, &one.timer);
    const auto wake = [](uv_timer_t* timer) {
      early += uv_hrtime() < static_cast<nap*>(timer->data)->until;
      ++woken;
      uv_close(reinterpret_cast<uv_handle_t*>(timer), nullptr);
    };
    uv_timer_start(&one.timer, wake, length / 1'000'000 + 2, 0);  // the part of a millisecond that was cut off, and one
  }
  uv_run(&loop, UV_RUN_DEFAULT);
  uv_loop_close(&loop);
  bench::expect(woken == sleepers && early == 0, "somebody woke early");
  return bench::cpu_seconds() - before;
}

void timers() {
  std::vector<double> values, slept;
  for (int i = 0; i < 3; ++i) slept.push_back(sleeps());
  for (int i = 0; i < bench::repeats; ++i) {
    const bench::deadline_plan plan;
    uv_loop_t loop;
    uv_loop_init(&loop);
    std::vector<uv_timer_t> all(bench::deadline_plan::count);
    for (auto& timer : all) uv_timer_init(&loop, &timer);
    const double before = bench::cpu_seconds();
    for (std::size_t j = 0; j < all.size(); ++j) {
      uv_timer_start(
          &all[j], [](uv_timer_t*) {}, static_cast<std::uint64_t>(plan.delay[j].count() / 1'000'000), 0);
    }
    for (const std::size_t j : plan.order) uv_timer_stop(&all[j]);
    values.push_back(bench::cpu_seconds() - before);
    for (auto& timer : all)
      bench::expect(uv_is_active(reinterpret_cast<uv_handle_t*>(&timer)) == 0, "a timer was left");
    for (auto& timer : all) uv_close(reinterpret_cast<uv_handle_t*>(&timer), nullptr);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
  }
  bench::report("timers/sleeps", "libuv", "s", slept);
  bench::report("timers/deadlines", "libuv", "s", values);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string(argv[1]) == "timers") return timers(), 0;
  std::fprintf(stderr, "usage: libuv_peer timers\n");
  return 2;
}
