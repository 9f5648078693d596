// SPDX-License-Identifier: BSL-1.0
// The question of bench/depth.cpp asked of Boost.Asio's coroutines: asio_depth_peer depth. They wait for one timer.
#include "../../support/parked.hpp"

#include <utility>  // needed by Asio 1.74, which does not include it

#include <boost/asio.hpp>

#include <string>

namespace {

namespace asio = boost::asio;

asio::awaitable<long> last(asio::steady_timer& end, long& there) {
  ++there;
  boost::system::error_code cancelled;
  co_await end.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  co_return 0;
}

asio::awaitable<long> below(long depth, asio::steady_timer& end, long& there) {
  const bench::locals mine(depth);
  auto next = depth > 1 ? below(depth - 1, end, there) : last(end, there);
  const long sum = co_await std::move(next);
  co_return sum + mine.sum();
}

asio::awaitable<void> outermost(long depth, asio::steady_timer& end, long& there, long& sum) {
  sum += co_await below(depth, end, there);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 || std::string(argv[1]) != "depth") {
    std::fprintf(stderr, "usage: asio_depth_peer depth\n");
    return 2;
  }
  asio::io_context context(1);
  asio::steady_timer end(context, asio::steady_timer::time_point::max());
  long there = 0, expected = 0, sum = 0;
  for (const long depth : bench::parked_below) {
    const bench::growth grown;
    for (long i = 0; i < bench::parked; ++i) {
      asio::co_spawn(context, outermost(depth, end, there, sum), asio::detached);
    }
    context.poll();
    expected += bench::parked;
    bench::expect(there == expected, "somebody does not wait");
    grown.report("asio_awaitable", depth);
  }
  end.cancel();
  context.run();
  bench::expect(sum == bench::expected_sum(), "not every call came back");
}
