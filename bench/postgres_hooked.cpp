// SPDX-License-Identifier: BSL-1.0
// postgres_hooked CONNECTION: how long do a hundred queries of 0.2 s take that are asked at once by libpq's blocking
// calls, on fibers of one worker?
//
// postgres/sleep: from the first question to the last answer; without hooks, 20 s. postgres/cpu: of the client, for a
// query. Against threads, in peers/libpq_threads.
#include "support/crowd_of_fibers.hpp"
#include "support/pg_sleeps.hpp"

#include <optional>
#include <vector>
#include <weft/hooks.hpp>

namespace {

using namespace bench::postgres;

void measure(const char* to) {
  std::vector<std::optional<connection>> all(connections);
  bench::of_fibers(connections, [&](int i) { all[std::size_t(i)].emplace(to); });
  std::vector<bench::cost> found;
  for (int i = 0; i < bench::repeats; ++i)
    found.push_back(bench::of_fibers(connections, [&](int k) { all[std::size_t(k)]->sleep(); }));
  report_sleeps("weft", found);
}

}  // namespace

int main(int argc, char** argv) {
  const char* const to = address_argument(argc, argv);
  bench::expect(weft::hooks::enabled(), "the hooks are not there");
  weft::run([&] { measure(to); }, {.workers = 1});
}
