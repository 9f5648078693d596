// SPDX-License-Identifier: BSL-1.0
// channel [WORKERS]: what does it cost to hand a value over? One worker: a rendezvous there and back, a channel of 64
// between two fibers, against C++20 coroutines that do it through a bare queue in the same process; a select over 8
// channels of which one is ready; a prime sieve, a fiber and a channel for each prime; chameneos, who meet in pairs. Two
// workers: four senders and four receivers on one channel of 64, and the rendezvous with a fiber on each, against two
// threads and a condition variable. Needs two cores then.
#include "support/bare_channel.hpp"
#include "support/report.hpp"

#include <array>
#include <condition_variable>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>
#include <weft/weft.hpp>

namespace {

constexpr long trips = 500'000, items = 2'000'000, selects = 1'000'000;
constexpr std::size_t primes = 500, last_prime = 3'571;

template <class F> double on_workers(unsigned workers, F f) {
  weft::options some;
  some.workers = workers;
  return weft::run(f, some);
}

// --- there and back ---

double round_trips(long count, weft::spawn_options there) {
  weft::channel<long> ping, pong;
  auto other = weft::spawn(there, [&] {
    for (long i = 0; i < count; ++i) pong.send(*ping.receive() + 1);
  });
  long value = 0;
  const bench::stopwatch watch;
  for (long i = 0; i < count; ++i) {
    ping.send(value);
    value = *pong.receive();
  }
  const double each = watch.nanoseconds() / static_cast<double>(count);
  other.join();
  bench::expect(value == count, "a value was lost");
  return each;
}

bench::floor::plain pinging(bench::floor::channel<0>& ping, bench::floor::channel<0>& pong, long count, long& value) {
  for (long i = 0; i < count; ++i) {
    co_await bench::floor::channel<0>::send(ping, value);
    value = co_await bench::floor::channel<0>::receive(pong);
  }
}
bench::floor::plain ponging(bench::floor::channel<0>& ping, bench::floor::channel<0>& pong, long count) {
  for (long i = 0; i < count; ++i) {
    const long value = co_await bench::floor::channel<0>::receive(ping);
    co_await bench::floor::channel<0>::send(pong, value + 1);
  }
}

// Both run until nobody is ready.
void drive(bench::floor::fifo& ready, bench::floor::plain a, bench::floor::plain b) {
  std::array<bench::floor::fifo::link, 2> links;
  links[0].handle = a.handle;
  links[1].handle = b.handle;
  for (auto& link : links) ready.push(link);
  while (const std::coroutine_handle<> next = ready.pop()) next.resume();
  bench::expect(a.handle.done() && b.handle.done(), "a coroutine did not end");
  a.handle.destroy();
  b.handle.destroy();
}

double bare_round_trips() {
  bench::floor::fifo ready;
  bench::floor::channel<0> ping(ready), pong(ready);
  long value = 0;
  const bench::stopwatch watch;
  drive(ready, pinging(ping, pong, trips, value), ponging(ping, pong, trips));
  const double each = watch.nanoseconds() / static_cast<double>(trips);
  bench::expect(value == trips, "a value was lost");
  return each;
}

// --- a line of values ---

double one_to_one() {
  weft::channel<long> line(64);
  long sum = 0;
  const bench::stopwatch watch;
  auto sender = weft::spawn([&] {
    for (long i = 0; i < items; ++i) line.send(i);
  });
  for (long i = 0; i < items; ++i) sum += *line.receive();
  const double each = watch.nanoseconds() / static_cast<double>(items);
  sender.join();
  bench::expect(sum == items * (items - 1) / 2, "a value was lost");
  return each;
}

bench::floor::plain sending(bench::floor::channel<64>& line) {
  for (long i = 0; i < items; ++i) co_await bench::floor::channel<64>::send(line, i);
}
bench::floor::plain receiving(bench::floor::channel<64>& line, long& sum) {
  for (long i = 0; i < items; ++i) sum += co_await bench::floor::channel<64>::receive(line);
}

double bare_one_to_one() {
  bench::floor::fifo ready;
  bench::floor::channel<64> line(ready);
  long sum = 0;
  const bench::stopwatch watch;
  drive(ready, sending(line), receiving(line, sum));
  const double each = watch.nanoseconds() / static_cast<double>(items);
  bench::expect(sum == items * (items - 1) / 2, "a value was lost");
  return each;
}

double four_to_four() {
  weft::channel<long> line(64);
  std::vector<weft::fiber<long>> receivers;
  std::vector<weft::fiber<void>> senders;
  const bench::stopwatch watch;
  for (int i = 0; i < 4; ++i) {
    receivers.push_back(weft::spawn([&] {
      long sum = 0;
      for (long j = 0; j < items / 4; ++j) sum += *line.receive();
      return sum;
    }));
    senders.push_back(weft::spawn([&] {
      for (long j = 0; j < items / 4; ++j) line.send(j);
    }));
  }
  for (auto& s : senders) s.join();
  long sum = 0;
  for (auto& r : receivers) sum += r.join();
  const double each = watch.nanoseconds() / static_cast<double>(items);
  bench::expect(sum == 4 * (items / 4 * (items / 4 - 1) / 2), "a value was lost");
  return each;
}

// --- select ---

double select_of_8() {
  std::array<std::unique_ptr<weft::channel<long>>, 8> all;
  for (auto& one : all) one = std::make_unique<weft::channel<long>>(1);
  long sum = 0;
  const auto add = [&](std::optional<long> value) { sum += *value; };
  const bench::stopwatch watch;
  for (long i = 0; i < selects; ++i) {
    const auto which = static_cast<std::size_t>(i) % 8;
    all[which]->send(1);
    [&]<std::size_t... I>(std::index_sequence<I...>) { weft::select(weft::on_receive(*all[I], add)...); }
    (std::make_index_sequence<8>());
  }
  const double each = watch.nanoseconds() / static_cast<double>(selects);
  bench::expect(sum == selects, "a select took what was not there");
  return each;
}

// --- patterns ---

// The n-th prime, by a filter for each one before. Microseconds.
double sieve() {
  using line = weft::channel<std::size_t>;
  std::vector<std::unique_ptr<line>> lines;
  std::vector<weft::fiber<void>> filters;
  std::size_t prime = 0;
  const bench::stopwatch watch;
  lines.push_back(std::make_unique<line>());
  const auto filter = [](line& from, line* to, std::size_t by) {
    for (const std::size_t n : from)
      if (n % by != 0) to->send(n);
  };
  filters.push_back(weft::spawn([first = lines[0].get()] {
    try {
      for (std::size_t n = 2;; ++n) first->send(n);
    } catch (const weft::channel_closed&) {
    }
  }));
  for (std::size_t i = 0; i < primes; ++i) {
    line* const from = lines.back().get();
    prime = *from->receive();
    lines.push_back(std::make_unique<line>());
    filters.push_back(weft::spawn([&filter, from, to = lines.back().get(), prime] {
      try {
        filter(*from, to, prime);
      } catch (const weft::channel_closed&) {
      }
    }));
  }
  const double took = watch.nanoseconds() / 1e3;
  bench::expect(prime == last_prime, "not a prime");
  for (auto& one : lines) one->close();
  for (auto& one : filters) one.join();
  return took;
}

// Ten creatures meet in pairs at one place, by channels alone; per meeting.
double chameneos() {
  constexpr long meetings = 200'000;
  constexpr int creatures = 10;
  struct creature {
    int colour;
    weft::channel<int> met;
  };
  weft::channel<creature*> place;
  std::vector<std::unique_ptr<creature>> all;
  std::vector<weft::fiber<long>> lives;
  const bench::stopwatch watch;
  for (int i = 0; i < creatures; ++i) {
    all.push_back(std::make_unique<creature>(i % 3));
    lives.push_back(weft::spawn([&place, me = all.back().get()] {
      for (long count = 0;; ++count) {
        place.send(me);
        const int other = *me->met.receive();
        if (other < 0) return count;
        if (other != me->colour) me->colour = 3 - me->colour - other;
      }
    }));
  }
  for (long i = 0; i < meetings; ++i) {
    creature* const a = *place.receive();
    creature* const b = *place.receive();
    const int colour = a->colour;
    a->met.send(b->colour);
    b->met.send(colour);
  }
  for (int i = 0; i < creatures; ++i) (*place.receive())->met.send(-1);
  long sum = 0;
  for (auto& one : lives) sum += one.join();
  const double each = watch.nanoseconds() / static_cast<double>(meetings);
  bench::expect(sum == 2 * meetings, "somebody met nobody");
  return each;
}

// --- two threads ---

double thread_round_trips(long count) {
  std::mutex mutex;
  std::condition_variable changed;
  long value = 0;
  bool there = false;
  const auto play = [&](bool mine) {
    for (long i = 0; i < count; ++i) {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return there == mine; });
      ++value;
      there = !mine;
      lock.unlock();
      changed.notify_one();
    }
  };
  std::thread other([&] { play(true); });
  const bench::stopwatch watch;
  play(false);
  other.join();
  const double each = watch.nanoseconds() / static_cast<double>(count);
  bench::expect(value == 2 * count, "a value was lost");
  return each;
}

double forced_apart() {
  return on_workers(2, [] {
    weft::spawn_options here, there;
    here.worker = 0;
    there.worker = 1;
    return weft::spawn(here, [&] { return round_trips(20'000, there); }).join();
  });
}

template <class F> std::vector<double>& measure(std::vector<double>& values, F f) {
  values.push_back(f());
  return values;
}

}  // namespace

int main(int argc, char** argv) {
  const bool two = argc > 1 && std::string_view(argv[1]) == "2";
  std::array<std::vector<double>, 7> v;
  for (int i = 0; i < bench::repeats; ++i) {
    if (two) {
      measure(v[0], [] { return on_workers(2, four_to_four); });
      measure(v[1], forced_apart);
      measure(v[2], [] { return thread_round_trips(20'000); });
      continue;
    }
    measure(v[0], [] { return on_workers(1, [] { return round_trips(trips, {}); }); });
    measure(v[1], bare_round_trips);
    measure(v[2], [] { return on_workers(1, one_to_one); });
    measure(v[3], bare_one_to_one);
    measure(v[4], [] { return on_workers(1, select_of_8); });
    measure(v[5], [] { return on_workers(1, sieve); });
    measure(v[6], [] { return on_workers(1, chameneos); });
  }
  if (two) {
    bench::report("channel/4x4", "weft-2", "ns", v[0]);
    bench::report("channel/apart", "weft-2", "ns", v[1]);
    bench::report("channel/apart", "condvar", "ns", v[2]);
    return 0;
  }
  bench::report("channel/trip", "weft", "ns", v[0]);
  bench::report("channel/trip", "cxx20", "ns", v[1]);
  bench::report("channel/64", "weft", "ns", v[2]);
  bench::report("channel/64", "cxx20", "ns", v[3]);
  bench::report("channel/select8", "weft", "ns", v[4]);
  bench::report("channel/sieve", "weft", "us", v[5]);
  bench::report("channel/chameneos", "weft", "ns", v[6]);
}
