// SPDX-License-Identifier: BSL-1.0
// Threads that run through doors which open one after the other. std::latch waits by the kernel's futex alone, without a
// mutex that all who wake would want.
#pragma once

#include "../../support/report.hpp"

#include <deque>
#include <latch>
#include <thread>
#include <vector>

inline double wake_all() {
  constexpr long herd = 10'000, rounds = 4;
  std::deque<std::latch> doors, passed;
  for (long r = 0; r <= rounds; ++r) {
    doors.emplace_back(1);
    passed.emplace_back(herd);
  }
  std::vector<std::thread> all;
  all.reserve(herd);
  for (long i = 0; i < herd; ++i) {
    all.emplace_back([&] {
      for (std::size_t r = 0; r < doors.size(); ++r) {
        doors[r].wait();
        passed[r].count_down();
      }
    });
  }
  bench::stopwatch watch;
  for (std::size_t r = 0; r < doors.size(); ++r) {
    if (r == 1) watch = {};
    doors[r].count_down();
    passed[r].wait();  // ends when everybody was there
  }
  const double each = watch.nanoseconds() / double(herd * rounds);
  for (auto& thread : all) thread.join();
  return each;
}

inline void event() {
  std::vector<double> values;
  for (int i = 0; i < 3; ++i) values.push_back(wake_all());
  bench::report("event/10000", "threads", "ns", values);
}
