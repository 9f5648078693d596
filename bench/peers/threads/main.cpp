// SPDX-License-Identifier: BSL-1.0
// The questions of bench/ asked of std::thread: threads_peer spawn|channel|event|forkjoin|depth, channel and forkjoin with
// CORES=2, too. A channel is a queue, a mutex and two condition variables, as it is written where there is none.
#include "../../support/report.hpp"
#include "event.hpp"
#include "fork_join.hpp"
#include "parked.hpp"

#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <numeric>
#include <queue>
#include <string>
#include <thread>

namespace {

void spawn() {
  constexpr long total = 5'000;
  for (const long batch : {1L, 1'000L}) {
    std::vector<double> values;
    for (int i = 0; i < bench::repeats; ++i) {
      std::mutex m;
      long ran = 0;
      std::vector<std::thread> all;
      all.reserve(static_cast<std::size_t>(batch));
      const bench::stopwatch watch;
      for (long j = 0; j < total / batch; ++j) {
        for (long k = 0; k < batch; ++k) {
          all.emplace_back([&] {
            const std::lock_guard lock(m);
            ++ran;
          });
        }
        for (auto& thread : all) thread.join();
        all.clear();
      }
      values.push_back(watch.nanoseconds() / static_cast<double>(total));
      bench::expect(ran == total, "not every thread ran");
    }
    bench::report("spawn/" + std::to_string(batch), "threads", "ns", values);
  }
}

class line {
 public:
  explicit line(std::size_t capacity) : capacity_(capacity) {}

  void send(long value) {
    std::unique_lock lock(mutex_);
    not_full_.wait(lock, [&] { return values_.size() < capacity_; });
    values_.push(value);
    lock.unlock();
    not_empty_.notify_one();
  }
  long receive() {
    std::unique_lock lock(mutex_);
    not_empty_.wait(lock, [&] { return !values_.empty(); });
    const long value = values_.front();
    values_.pop();
    lock.unlock();
    not_full_.notify_one();
    return value;
  }

 private:
  const std::size_t capacity_;
  std::mutex mutex_;
  std::condition_variable not_full_, not_empty_;
  std::queue<long> values_;
};

double trips() {
  constexpr long count = 20'000;
  line ping(1), pong(1);
  std::thread other([&] {
    for (long i = 0; i < count; ++i) pong.send(ping.receive() + 1);
  });
  long value = 0;
  const bench::stopwatch watch;
  for (long i = 0; i < count; ++i) {
    ping.send(value);
    value = pong.receive();
  }
  const double each = watch.nanoseconds() / count;
  other.join();
  bench::expect(value == count, "a value was lost");
  return each;
}

double through_64() {
  constexpr long items = 500'000;
  line values(64);
  long sum = 0;
  const bench::stopwatch watch;
  std::thread sender([&] {
    for (long i = 0; i < items; ++i) values.send(i);
  });
  for (long i = 0; i < items; ++i) sum += values.receive();
  const double each = watch.nanoseconds() / items;
  sender.join();
  bench::expect(sum == items * (items - 1) / 2, "a value was lost");
  return each;
}

double four_to_four() {
  constexpr long items = 500'000;
  line values(64);
  std::vector<long> sums(4, 0);
  std::vector<std::thread> all;
  const bench::stopwatch watch;
  for (long& into : sums) {
    all.emplace_back([&] {
      long sum = 0;
      for (long i = 0; i < items / 4; ++i) sum += values.receive();
      into = sum;
    });
    all.emplace_back([&] {
      for (long i = 0; i < items / 4; ++i) values.send(i);
    });
  }
  for (auto& thread : all) thread.join();
  const double each = watch.nanoseconds() / items;
  const long sum = std::accumulate(sums.begin(), sums.end(), 0L);
  bench::expect(sum == 4 * (items / 4 * (items / 4 - 1) / 2), "a value was lost");
  return each;
}

void channel_of_four() {
  std::vector<double> values;
  for (int i = 0; i < bench::repeats; ++i) values.push_back(four_to_four());
  bench::report("channel/4x4", "threads-2", "ns", values);
}

void channel() {
  std::vector<double> trip, line_of_64;
  for (int i = 0; i < bench::repeats; ++i) {
    trip.push_back(trips());
    line_of_64.push_back(through_64());
  }
  bench::report("channel/trip", "threads", "ns", trip);
  bench::report("channel/64", "threads", "ns", line_of_64);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string question = argc == 2 ? argv[1] : "";
  if (question == "spawn") return spawn(), 0;
  const bool two = std::getenv("CORES") != nullptr && std::string(std::getenv("CORES")) == "2";
  if (question == "channel") return two ? channel_of_four() : channel(), 0;
  if (question == "event") return event(), 0;
  if (question == "forkjoin") return fork_join(two ? "-2" : ""), 0;
  if (question == "depth") return depth(), 0;
  std::fprintf(stderr, "usage: threads_peer spawn|channel|event|forkjoin|depth\n");
  return 2;
}
