// SPDX-License-Identifier: BSL-1.0
// The first two questions of bench/channel.cpp, asked of tasks on one worker: a rendezvous there and back, and a channel of
// 64 between two.
#include "support/report.hpp"

#include <vector>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

namespace {

namespace stackless = weft::stackless;
using line = weft::channel<long>;

constexpr long trips = 500'000, items = 2'000'000;

stackless::task<> answering(line& ping, line& pong) {
  for (long i = 0; i < trips; ++i) {
    const long value = *co_await ping.async_receive() + 1;
    co_await pong.async_send(value);
  }
}

stackless::task<double> round_trips() {
  line ping, pong;
  auto other = stackless::create_task(answering(ping, pong));
  long value = 0;
  const bench::stopwatch watch;
  for (long i = 0; i < trips; ++i) {
    co_await ping.async_send(value);
    value = *co_await pong.async_receive();
  }
  const double each = watch.nanoseconds() / static_cast<double>(trips);
  co_await other;
  bench::expect(value == trips, "a value was lost");
  co_return each;
}

stackless::task<> sending(line& to) {
  for (long i = 0; i < items; ++i) co_await to.async_send(i);
}

stackless::task<double> one_to_one() {
  line values(64);
  long sum = 0;
  const bench::stopwatch watch;
  auto sender = stackless::create_task(sending(values));
  for (long i = 0; i < items; ++i) sum += *co_await values.async_receive();
  const double each = watch.nanoseconds() / static_cast<double>(items);
  co_await sender;
  bench::expect(sum == items * (items - 1) / 2, "a value was lost");
  co_return each;
}

}  // namespace

int main() {
  weft::options one;
  one.workers = 1;
  std::vector<double> trip, through;
  for (int i = 0; i < bench::repeats; ++i) {
    trip.push_back(stackless::run(round_trips(), one));
    through.push_back(stackless::run(one_to_one(), one));
  }
  bench::report("channel/trip", "stackless", "ns", trip);
  bench::report("channel/64", "stackless", "ns", through);
}
