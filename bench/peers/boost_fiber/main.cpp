// SPDX-License-Identifier: BSL-1.0
// The questions of bench/ asked of Boost.Fiber: boost_fiber_peer yield|spawn|deep|depth|channel|event|mutex|forkjoin. One
// thread, its default scheduler, pooled stacks (its default ones make malloc grow and shrink the heap all the time).
// Where memory is measured they are the default ones: the pool writes into stacks that nobody has asked for yet.
// With CORES=2: channel, mutex and forkjoin on two threads that steal from each other.
#include "../../support/levels.hpp"
#include "../../support/parked.hpp"
#include "../../support/report.hpp"
#include "contended.hpp"
#include "fork_join.hpp"
#include "thieves.hpp"

#include <boost/fiber/all.hpp>
#include <boost/fiber/pooled_fixedsize_stack.hpp>

#include <mutex>
#include <string>
#include <vector>

namespace {

namespace fibers = boost::fibers;

void yield() {
  constexpr long total = 1'000'000;
  for (const long count : {2L, 100L, 1'000L, 10'000L}) {
    std::vector<double> values;
    for (int i = 0; i < bench::repeats; ++i) {
      fibers::pooled_fixedsize_stack stacks(16 * 1024);
      long turns = 0;
      const void* last = nullptr;
      const auto body = [&] {
        const char mine = 0;
        for (long j = 0; j < total / count; ++j) {
          turns += last != &mine;
          last = &mine;
          boost::this_fiber::yield();
        }
      };
      std::vector<fibers::fiber> all;
      all.reserve(static_cast<std::size_t>(count));
      const bench::stopwatch watch;
      for (long j = 0; j < count; ++j) all.emplace_back(std::allocator_arg, stacks, body);
      for (auto& fiber : all) fiber.join();
      values.push_back(watch.nanoseconds() / static_cast<double>(total));
      bench::expect(turns >= total - total / 10, "the fibers did not take turns");
    }
    bench::report("yield/" + std::to_string(count), "boost_fiber", "ns", values);
  }
}

void spawn() {
  constexpr long total = 200'000;
  for (const long batch : {1L, 1'000L}) {
    std::vector<double> values;
    for (int i = 0; i < bench::repeats; ++i) {
      fibers::pooled_fixedsize_stack stacks(16 * 1024);
      long ran = 0;
      std::vector<fibers::fiber> all;
      all.reserve(static_cast<std::size_t>(batch));
      const bench::stopwatch watch;
      for (long j = 0; j < total / batch; ++j) {
        for (long k = 0; k < batch; ++k) all.emplace_back(std::allocator_arg, stacks, [&ran] { ++ran; });
        for (auto& fiber : all) fiber.join();
        all.clear();
      }
      values.push_back(watch.nanoseconds() / static_cast<double>(total));
      bench::expect(ran == total, "not every fiber ran");
    }
    bench::report("spawn/" + std::to_string(batch), "boost_fiber", "ns", values);
  }
}

[[gnu::noinline]] long call(long depth) {
  if (depth == 0) {
    boost::this_fiber::yield();
    return 0;
  }
  return bench::keep(call(depth - 1)) + 1;
}

double deep(long depth) {
  fibers::pooled_fixedsize_stack stacks(64 * 1024);
  long sum = 0;
  const auto body = [&] {
    for (long i = 0; i < bench::descents; ++i) sum += call(depth);
  };
  const bench::stopwatch watch;
  fibers::fiber a(std::allocator_arg, stacks, body), b(std::allocator_arg, stacks, body);
  a.join();
  b.join();
  const double each = watch.nanoseconds() / (2 * bench::descents);
  bench::expect(sum == 2 * bench::descents * depth, "not every level was reached");
  return each;
}

[[gnu::noinline]] long last(const fibers::shared_future<void>& end, long& there) {
  ++there;
  end.wait();
  return 0;
}

[[gnu::noinline]] long below(long depth, const fibers::shared_future<void>& end, long& there) {
  const bench::locals mine(depth);
  const long sum = depth > 1 ? below(depth - 1, end, there) : last(end, there);
  return sum + mine.sum();
}

void depth() {
  long there = 0, sum = 0;
  fibers::promise<void> go;
  const fibers::shared_future<void> end = go.get_future().share();
  std::vector<fibers::fiber> all;
  all.reserve(static_cast<std::size_t>(bench::parked) * bench::parked_below.size());
  for (const long depth : bench::parked_below) {
    const bench::growth grown;
    for (long i = 0; i < bench::parked; ++i) all.emplace_back([&, depth] { sum += below(depth, end, there); });
    while (there < static_cast<long>(all.size())) boost::this_fiber::yield();
    grown.report("boost_fiber", depth);
  }
  go.set_value();
  for (auto& fiber : all) fiber.join();
  bench::expect(sum == bench::expected_sum(), "not every call came back");
}

double trips() {
  constexpr long count = 200'000;
  fibers::unbuffered_channel<long> ping, pong;
  fibers::fiber other([&] {
    for (long i = 0; i < count; ++i) pong.push(ping.value_pop() + 1);
  });
  long value = 0;
  const bench::stopwatch watch;
  for (long i = 0; i < count; ++i) {
    ping.push(value);
    value = pong.value_pop();
  }
  const double each = watch.nanoseconds() / count;
  other.join();
  bench::expect(value == count, "a value was lost");
  return each;
}

double through_64() {
  constexpr long items = 1'000'000;
  fibers::buffered_channel<long> line(64);
  long sum = 0;
  const bench::stopwatch watch;
  fibers::fiber sender([&] {
    for (long i = 0; i < items; ++i) line.push(i);
  });
  for (long i = 0; i < items; ++i) sum += line.value_pop();
  const double each = watch.nanoseconds() / items;
  sender.join();
  bench::expect(sum == items * (items - 1) / 2, "a value was lost");
  return each;
}

void channel() {
  std::vector<double> trip, line;
  for (int i = 0; i < bench::repeats; ++i) {
    trip.push_back(trips());
    line.push_back(through_64());
  }
  bench::report("channel/trip", "boost_fiber", "ns", trip);
  bench::report("channel/64", "boost_fiber", "ns", line);
}

// Doors that open one after the other, and a counter of those who passed.
double wake_all() {
  constexpr std::size_t herd = 10'000, rounds = 50;
  fibers::pooled_fixedsize_stack stacks(16 * 1024);
  std::vector<fibers::promise<void>> doors(rounds + 1);
  std::vector<fibers::shared_future<void>> open;
  for (auto& door : doors) open.push_back(door.get_future().share());
  fibers::mutex m;
  fibers::condition_variable all_passed;
  std::size_t passed = 0, sum = 0;
  std::vector<fibers::fiber> all;
  all.reserve(herd);
  for (std::size_t i = 0; i < herd; ++i) {
    all.emplace_back(std::allocator_arg, stacks, [&] {
      for (const auto& door : open) {
        door.wait();
        ++sum;
        const std::lock_guard lock(m);
        if (++passed == herd) all_passed.notify_one();
      }
    });
  }
  bench::stopwatch watch;
  for (std::size_t r = 0; r <= rounds; ++r) {
    if (r == 1) watch = {};
    doors[r].set_value();
    std::unique_lock lock(m);
    all_passed.wait(lock, [&] { return passed == herd; });
    passed = 0;
  }
  const double each = watch.nanoseconds() / static_cast<double>(herd * rounds);
  for (auto& fiber : all) fiber.join();
  bench::expect(sum == herd * (rounds + 1), "somebody was not woken");
  return each;
}

void event() {
  std::vector<double> values;
  for (int i = 0; i < bench::repeats; ++i) values.push_back(wake_all());
  bench::report("event/10000", "boost_fiber", "ns", values);
}

void mutex() {
  constexpr long total = 400'000;
  std::vector<double> values;
  for (int i = 0; i < bench::repeats; ++i) {
    fibers::mutex m;
    long locked = 0;
    const bench::stopwatch watch;
    for (long j = 0; j < total; ++j) {
      m.lock();
      ++locked;
      m.unlock();
    }
    values.push_back(watch.nanoseconds() / static_cast<double>(total));
    bench::expect(locked == total, "not all locks were had");
  }
  bench::report("mutex/uncontended", "boost_fiber", "ns", values);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string question = argc == 2 ? argv[1] : "";
  if (question == "forkjoin") return fork_join(), 0;
  if (two_cores() && question == "channel") return with_two_thieves(four_to_four), 0;
  if (two_cores() && question == "mutex") return with_two_thieves(wanted_by_100), 0;
  if (question == "yield") return yield(), 0;
  if (question == "spawn") return spawn(), 0;
  if (question == "deep") return bench::each_depth("deep/await", "boost_fiber", deep), 0;
  if (question == "depth") return depth(), 0;
  if (question == "channel") return channel(), 0;
  if (question == "event") return event(), 0;
  if (question == "mutex") return mutex(), 0;
  std::fprintf(stderr, "usage: boost_fiber_peer yield|spawn|deep|depth|channel|event|mutex|forkjoin\n");
  return 2;
}
