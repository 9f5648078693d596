// SPDX-License-Identifier: BSL-1.0
// A channel and a mutex that many want, on two threads.
#pragma once

#include "../../support/report.hpp"

#include <boost/fiber/all.hpp>

#include <mutex>
#include <numeric>
#include <vector>

inline void four_to_four() {
  constexpr long items = 1'000'000;
  std::vector<double> values;
  for (int i = 0; i < bench::repeats; ++i) {
    boost::fibers::buffered_channel<long> line(64);
    std::vector<long> sums(4, 0);
    std::vector<boost::fibers::fiber> all;
    const bench::stopwatch watch;
    for (long& into : sums) {
      all.emplace_back([&] {
        long sum = 0;
        for (long j = 0; j < items / 4; ++j) sum += line.value_pop();
        into = sum;
      });
      all.emplace_back([&] {
        for (long j = 0; j < items / 4; ++j) line.push(j);
      });
    }
    for (auto& fiber : all) fiber.join();
    values.push_back(watch.nanoseconds() / items);
    const long sum = std::accumulate(sums.begin(), sums.end(), 0L);
    bench::expect(sum == 4 * (items / 4 * (items / 4 - 1) / 2), "a value was lost");
  }
  bench::report("channel/4x4", "boost_fiber-2", "ns", values);
}

inline void wanted_by_100() {
  constexpr long total = 1'000'000, count = 100;
  std::vector<double> values;
  for (int i = 0; i < bench::repeats; ++i) {
    boost::fibers::mutex m;
    long sum = 0;
    std::vector<boost::fibers::fiber> all;
    const bench::stopwatch watch;
    for (long j = 0; j < count; ++j) {
      all.emplace_back([&] {
        for (long k = 0; k < total / count; ++k) {
          const std::lock_guard lock(m);
          ++sum;
        }
      });
    }
    for (auto& fiber : all) fiber.join();
    values.push_back(watch.nanoseconds() / total);
    bench::expect(sum == total, "the mutex did not exclude");
  }
  bench::report("mutex/100", "boost_fiber-2", "ns", values);
}
