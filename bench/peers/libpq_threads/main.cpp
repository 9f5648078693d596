// SPDX-License-Identifier: BSL-1.0
// libpq_threads_peer CONNECTION: the question of bench/postgres_hooked.cpp asked of a thread for each connection.
#include "../../support/crowd_of_threads.hpp"
#include "../../support/pg_sleeps.hpp"

#include <optional>
#include <vector>

int main(int argc, char** argv) {
  using namespace bench::postgres;
  const char* const to = address_argument(argc, argv);
  std::vector<std::optional<connection>> all(connections);
  bench::of_threads(connections, [&](int i) { all[std::size_t(i)].emplace(to); });
  std::vector<bench::cost> found;
  for (int i = 0; i < bench::repeats; ++i)
    found.push_back(bench::of_threads(connections, [&](int k) { all[std::size_t(k)]->sleep(); }));
  report_sleeps("threads", found);
}
