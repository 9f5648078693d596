// SPDX-License-Identifier: BSL-1.0
// redis_hooked HOST PORT: what does a GET take by hiredis' blocking calls, on a hundred fibers of one worker?
//
// redis/get: each fiber has a connection of its own and waits for one answer at a time. Against hiredis' asynchronous
// calls and against threads, in peers/hiredis_async and peers/hiredis_threads.
#include "support/crowd_of_fibers.hpp"
#include "support/redis_gets.hpp"

#include <vector>
#include <weft/hooks.hpp>

namespace {

using namespace bench::redis;

void measure(const bench::redis_address& at) {
  std::vector<connection> all;
  for (int i = 0; i < connections; ++i) all.emplace_back(at);
  all[0].set();
  const auto get = [&](int times) {
    return bench::of_fibers(connections, [&](int i) { all[std::size_t(i)].get(times); });
  };
  get(1);
  bench::costs found(double(connections) * gets);
  for (int i = 0; i < bench::repeats; ++i) found.add(get(gets));
  found.report_as("redis/get", "weft");
}

}  // namespace

int main(int argc, char** argv) {
  const auto at = bench::redis_argument(argc, argv);
  bench::expect(weft::hooks::enabled(), "the hooks are not there");
  weft::run([&] { measure(at); }, {.workers = 1});
}
