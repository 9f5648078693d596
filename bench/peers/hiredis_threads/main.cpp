// SPDX-License-Identifier: BSL-1.0
// hiredis_threads_peer HOST PORT: the question of bench/redis_hooked.cpp asked of a thread for each connection.
#include "../../support/crowd_of_threads.hpp"
#include "../../support/redis_gets.hpp"

#include <vector>

int main(int argc, char** argv) {
  using namespace bench::redis;
  const auto at = bench::redis_argument(argc, argv);
  std::vector<connection> all;
  for (int i = 0; i < connections; ++i) all.emplace_back(at);
  all[0].set();
  const auto get = [&](int times) {
    return bench::of_threads(connections, [&](int i) { all[std::size_t(i)].get(times); });
  };
  get(1);
  bench::costs found(double(connections) * gets);
  for (int i = 0; i < bench::repeats; ++i) found.add(get(gets));
  found.report_as("redis/get", "threads");
}
