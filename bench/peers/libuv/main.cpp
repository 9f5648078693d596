// SPDX-License-Identifier: BSL-1.0
// The questions of bench/ asked of libuv: libuv_peer timers. A million deadlines, set and then cancelled in another order.
#include "../../support/deadlines.hpp"
#include "../../support/report.hpp"

#include <uv.h>

#include <string>
#include <vector>

namespace {

void timers() {
  std::vector<double> values;
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
  bench::report("timers/deadlines", "libuv", "s", values);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string(argv[1]) == "timers") return timers(), 0;
  std::fprintf(stderr, "usage: libuv_peer timers\n");
  return 2;
}
