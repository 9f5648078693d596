// SPDX-License-Identifier: BSL-1.0
// What a thread takes that waits below calls. So many as the others park are more than a machine allows: a tenth of them.
#pragma once

#include "../../support/parked.hpp"

#include <atomic>
#include <latch>
#include <thread>
#include <vector>

class parked_threads {
 public:
  void measure() {
    for (const long depth : bench::parked_below) {
      const long before = bench::resident();
      for (long i = 0; i < count; ++i) all_.emplace_back([this, depth] { sum_ += below(depth); });
      while (there_ < static_cast<long>(all_.size())) std::this_thread::yield();
      bench::report("memory/below/" + std::to_string(depth), "threads", "B",
                    {static_cast<double>(bench::resident() - before) / count});
    }
    end_.count_down();
    for (auto& thread : all_) thread.join();
    bench::expect(sum_ == bench::expected_sum() / (bench::parked / count), "not every call came back");
  }

 private:
  static constexpr long count = bench::parked / 10;

  [[gnu::noinline]] long last() {
    ++there_;
    end_.wait();
    return 0;
  }

  [[gnu::noinline]] long below(long depth) {
    const bench::locals mine(depth);
    const long sum = depth > 1 ? below(depth - 1) : last();
    return sum + mine.sum();
  }

  std::latch end_{1};
  std::atomic<long> there_ = 0, sum_ = 0;
  std::vector<std::thread> all_;
};

inline void depth() { parked_threads().measure(); }
