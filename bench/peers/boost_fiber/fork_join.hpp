// SPDX-License-Identifier: BSL-1.0
// A recursion with a fiber for each call, as Boost.Fiber's own skynet is written: a child is dispatched, that is, begun at
// once, and its parent waits for its turn. Stacks of 16 KiB. Hundreds of thousands of calls are alive at once, in gigabytes
// and for seconds, with round robin and with the thief's order alike: each is measured once.
#pragma once

#include "../../support/report.hpp"
#include "thieves.hpp"

#include <boost/fiber/all.hpp>

#include <array>
#include <memory>
#include <string_view>

class recursion {
 public:
  static void measure() {
    once("forkjoin/fib", 635'621, 196'418, [] { return fib(27); });
    once("forkjoin/skynet", 1'111'111, 499'999'500'000, [] { return skynet(0, 1'000'000); });
  }

 private:
  using fiber = boost::fibers::fiber;

  template <class F> static fiber child(F f) {
    return fiber(boost::fibers::launch::dispatch, std::allocator_arg, boost::fibers::fixedsize_stack(16 * 1024), f);
  }

  static long fib(int n) {
    if (n < 2) return n;
    long x = 0, y = 0;
    fiber a = child([&x, n] { x = fib(n - 1); });
    fiber b = child([&y, n] { y = fib(n - 2); });
    a.join();
    b.join();
    return x + y;
  }

  static long skynet(long first, long size) {
    if (size == 1) return first;
    const long part = size / 10;
    std::array<long, 10> sums{};
    std::array<fiber, 10> children;
    for (std::size_t i = 0; i < children.size(); ++i) {
      children[i] =
          child([&sum = sums[i], begin = first + static_cast<long>(i) * part, part] { sum = skynet(begin, part); });
    }
    long sum = 0;
    for (std::size_t i = 0; i < children.size(); ++i) {
      children[i].join();
      sum += sums[i];
    }
    return sum;
  }

  template <class F> static void once(std::string_view measure, double calls, long right, F whole) {
    const bench::stopwatch watch;
    bench::expect(whole() == right, "the result is wrong");
    bench::report(measure, two_cores() ? "boost_fiber-2" : "boost_fiber", "ns", {watch.nanoseconds() / calls});
  }
};

inline void fork_join() {
  if (two_cores()) return with_two_thieves(recursion::measure);
  recursion::measure();
}
