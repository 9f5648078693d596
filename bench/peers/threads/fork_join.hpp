// SPDX-License-Identifier: BSL-1.0
// A recursion with a thread for each call. Nearly all calls are alive at once, and a million threads are more than a machine
// allows: the sizes are smaller ones than the others', and the names of the sides say so. A call costs what it costs.
#pragma once

#include "../../support/report.hpp"

#include <array>
#include <functional>
#include <string>
#include <thread>
#include <vector>

class recursion {
 public:
  static void fib(int n, long& result) {
    if (n < 2) {
      result = n;
      return;
    }
    long x = 0, y = 0;
    std::thread a(fib, n - 1, std::ref(x)), b(fib, n - 2, std::ref(y));
    a.join();
    b.join();
    result = x + y;
  }

  static void skynet(long first, long size, long& result) {
    if (size == 1) {
      result = first;
      return;
    }
    const long part = size / 10;
    std::array<long, 10> sums{};
    std::vector<std::thread> children;
    for (std::size_t i = 0; i < sums.size(); ++i) {
      children.emplace_back(skynet, first + static_cast<long>(i) * part, part, std::ref(sums[i]));
    }
    for (auto& child : children) child.join();
    result = 0;
    for (const long sum : sums) result += sum;
  }
};

template <class F>
void measure_calls(const std::string& measure, const std::string& side, double calls, long right, F whole) {
  std::vector<double> values;
  for (int i = 0; i < bench::repeats; ++i) {
    long result = 0;
    const bench::stopwatch watch;
    whole(result);
    values.push_back(watch.nanoseconds() / calls);
    bench::expect(result == right, "the result is wrong");
  }
  bench::report(measure, side, "ns", values);
}

// `mark`: of the number of cores.
inline void fork_join(const std::string& mark) {
  measure_calls("forkjoin/fib", "threads_fib16" + mark, 3'193, 987, [](long& r) { recursion::fib(16, r); });
  measure_calls("forkjoin/skynet", "threads_1000" + mark, 1'111, 499'500,
                [](long& r) { recursion::skynet(0, 1'000, r); });
}
