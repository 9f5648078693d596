// SPDX-License-Identifier: BSL-1.0
// The question of bench/depth.cpp asked of Boost.Asio's stackful coroutines: asio_spawn_depth_peer depth. They wait for one
// timer.
#include "../../support/parked.hpp"

#include <utility>  // needed by Asio 1.74, which does not include it

#include <boost/asio.hpp>
#include <boost/asio/spawn.hpp>

#include <string>

namespace {

namespace asio = boost::asio;

[[gnu::noinline]] long last(asio::steady_timer& end, long& there, asio::yield_context& yield) {
  ++there;
  boost::system::error_code cancelled;
  end.async_wait(yield[cancelled]);
  return 0;
}

[[gnu::noinline]] long below(long depth, asio::steady_timer& end, long& there, asio::yield_context& yield) {
  const bench::locals mine(depth);
  const long sum = depth > 1 ? below(depth - 1, end, there, yield) : last(end, there, yield);
  return sum + mine.sum();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 || std::string(argv[1]) != "depth") {
    std::fprintf(stderr, "usage: asio_spawn_depth_peer depth\n");
    return 2;
  }
  asio::io_context context(1);
  asio::steady_timer end(context, asio::steady_timer::time_point::max());
  long there = 0, expected = 0, sum = 0;
  for (const long depth : bench::parked_below) {
    const bench::growth grown;
    for (long i = 0; i < bench::parked; ++i) {
      asio::spawn(context, [&, depth](asio::yield_context yield) { sum += below(depth, end, there, yield); });
    }
    context.poll();
    expected += bench::parked;
    bench::expect(there == expected, "somebody does not wait");
    grown.report("asio_spawn", depth);
  }
  end.cancel();
  context.run();
  bench::expect(sum == bench::expected_sum(), "not every call came back");
}
