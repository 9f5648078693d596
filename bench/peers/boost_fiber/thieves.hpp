// SPDX-License-Identifier: BSL-1.0
// Threads that steal ready fibers from each other, as Boost.Fiber's own benchmarks are run: `algo::work_stealing`, which
// takes the newest of its own and looks for others' as long as it has none.
#pragma once

#include <boost/fiber/all.hpp>

#include <cstdlib>
#include <mutex>
#include <string_view>
#include <thread>

inline bool two_cores() {
  const char* const cores = std::getenv("CORES");
  return cores != nullptr && std::string_view(cores) == "2";
}

// Once in a process: the scheduler counts its threads, and forgets none.
template <class F> void with_two_thieves(F f) {
  using thief = boost::fibers::algo::work_stealing;
  boost::fibers::mutex m;
  boost::fibers::condition_variable ended;
  bool over = false;
  std::thread other([&] {
    boost::fibers::use_scheduling_algorithm<thief>(2);
    std::unique_lock lock(m);
    ended.wait(lock, [&] { return over; });
  });
  boost::fibers::use_scheduling_algorithm<thief>(2);
  f();
  {
    const std::lock_guard lock(m);
    over = true;
  }
  ended.notify_all();
  other.join();
}
