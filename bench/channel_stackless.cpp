// SPDX-License-Identifier: BSL-1.0
// channel_stackless [2]: the questions of bench/channel.cpp, asked of tasks. One worker: a rendezvous there and back, a channel
// of 64 between two, a select over 8, the sieve, chameneos. Two: four senders and four receivers on one channel of 64.
#include "support/report.hpp"

#include <array>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

namespace {

namespace stackless = weft::stackless;
using line = weft::channel<long>;

constexpr long trips = 500'000, items = 2'000'000, selects = 1'000'000;
constexpr long primes = 500, last_prime = 3'571;

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

stackless::task<double> select_of_8() {
  std::array<std::unique_ptr<line>, 8> all;
  for (auto& one : all) one = std::make_unique<line>(1);
  long sum = 0;
  const auto add = [&](std::optional<long> value) { sum += *value; };
  const bench::stopwatch watch;
  for (long i = 0; i < selects; ++i) {
    co_await all[static_cast<std::size_t>(i) % 8]->async_send(1);
    co_await weft::async_select(weft::on_receive(*all[0], add), weft::on_receive(*all[1], add),
                                weft::on_receive(*all[2], add), weft::on_receive(*all[3], add),
                                weft::on_receive(*all[4], add), weft::on_receive(*all[5], add),
                                weft::on_receive(*all[6], add), weft::on_receive(*all[7], add));
  }
  const double each = watch.nanoseconds() / static_cast<double>(selects);
  bench::expect(sum == selects, "a select took what was not there");
  co_return each;
}

stackless::task<> counting(line& to) {
  try {
    for (long n = 2;; ++n) co_await to.async_send(n);
  } catch (const weft::channel_closed&) {
  }
}

stackless::task<> filtering(line& from, line& to, long by) {
  try {
    while (const std::optional<long> n = co_await from.async_receive()) {
      if (*n % by != 0) co_await to.async_send(*n);
    }
  } catch (const weft::channel_closed&) {
  }
}

stackless::task<double> sieve() {
  std::vector<std::unique_ptr<line>> lines;
  std::vector<stackless::task_handle<>> filters;
  long prime = 0;
  const bench::stopwatch watch;
  lines.push_back(std::make_unique<line>());
  filters.push_back(stackless::create_task(counting(*lines[0])));
  for (long i = 0; i < primes; ++i) {
    line& from = *lines.back();
    prime = *co_await from.async_receive();
    lines.push_back(std::make_unique<line>());
    filters.push_back(stackless::create_task(filtering(from, *lines.back(), prime)));
  }
  const double took = watch.nanoseconds() / 1e3;
  bench::expect(prime == last_prime, "not a prime");
  for (auto& one : lines) one->close();
  for (auto& one : filters) co_await one;
  co_return took;
}

struct creature {
  long colour;
  line met;
};

stackless::task<long> living(weft::channel<creature*>& place, creature& me) {
  for (long count = 0;; ++count) {
    co_await place.async_send(&me);
    const long other = *co_await me.met.async_receive();
    if (other < 0) co_return count;
    if (other != me.colour) me.colour = 3 - me.colour - other;
  }
}

stackless::task<double> chameneos() {
  constexpr long meetings = 200'000, creatures = 10;
  weft::channel<creature*> place;
  std::vector<std::unique_ptr<creature>> all;
  std::vector<stackless::task_handle<long>> lives;
  const bench::stopwatch watch;
  for (long i = 0; i < creatures; ++i) {
    all.push_back(std::make_unique<creature>(i % 3));
    lives.push_back(stackless::create_task(living(place, *all.back())));
  }
  for (long i = 0; i < meetings; ++i) {
    creature* const a = *co_await place.async_receive();
    creature* const b = *co_await place.async_receive();
    const long colour = a->colour;
    co_await a->met.async_send(b->colour);
    co_await b->met.async_send(colour);
  }
  for (long i = 0; i < creatures; ++i) {
    creature* const one = *co_await place.async_receive();
    co_await one->met.async_send(-1);
  }
  long sum = 0;
  for (auto& one : lives) sum += co_await one;
  const double each = watch.nanoseconds() / static_cast<double>(meetings);
  bench::expect(sum == 2 * meetings, "somebody met nobody");
  co_return each;
}

stackless::task<> sending_a_quarter(line& to) {
  for (long i = 0; i < items / 4; ++i) co_await to.async_send(i);
}

stackless::task<long> receiving_a_quarter(line& from) {
  long sum = 0;
  for (long i = 0; i < items / 4; ++i) sum += *co_await from.async_receive();
  co_return sum;
}

stackless::task<double> four_to_four() {
  line values(64);
  std::vector<stackless::task_handle<>> senders;
  std::vector<stackless::task_handle<long>> receivers;
  const bench::stopwatch watch;
  for (int i = 0; i < 4; ++i) {
    receivers.push_back(stackless::create_task(receiving_a_quarter(values)));
    senders.push_back(stackless::create_task(sending_a_quarter(values)));
  }
  for (auto& s : senders) co_await s;
  long sum = 0;
  for (auto& r : receivers) sum += co_await r;
  const double each = watch.nanoseconds() / static_cast<double>(items);
  bench::expect(sum == 4 * (items / 4 * (items / 4 - 1) / 2), "a value was lost");
  co_return each;
}

void on_two_workers() {
  std::vector<double> values;
  for (int i = 0; i < bench::repeats; ++i) values.push_back(stackless::run(four_to_four(), {.workers = 2}));
  bench::report("channel/4x4", "stackless-2", "ns", values);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "2") return on_two_workers(), 0;
  weft::options one;
  one.workers = 1;
  std::vector<double> trip, through, select8, sieved, met;
  for (int i = 0; i < bench::repeats; ++i) {
    trip.push_back(stackless::run(round_trips(), one));
    through.push_back(stackless::run(one_to_one(), one));
    select8.push_back(stackless::run(select_of_8(), one));
    sieved.push_back(stackless::run(sieve(), one));
    met.push_back(stackless::run(chameneos(), one));
  }
  bench::report("channel/trip", "stackless", "ns", trip);
  bench::report("channel/64", "stackless", "ns", through);
  bench::report("channel/select8", "stackless", "ns", select8);
  bench::report("channel/sieve", "stackless", "us", sieved);
  bench::report("channel/chameneos", "stackless", "ns", met);
}
