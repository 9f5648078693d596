// SPDX-License-Identifier: BSL-1.0
// spin: what two independent threads do against one, in the same time. A figure that needs two cores counts only where this
// says that there are two: on a shared host the second one is often somebody else's.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <thread>

namespace {

// Rounds of arithmetic that nobody shares, until the time is up.
long spin_for(std::chrono::milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  unsigned long state = 1;
  long rounds = 0;
  while (std::chrono::steady_clock::now() < end) {
    for (int i = 0; i < 10'000; ++i) state = state * 6364136223846793005UL + 1442695040888963407UL;
    asm volatile("" : "+r"(state));
    ++rounds;
  }
  return rounds;
}

}  // namespace

int main() {
  constexpr std::chrono::milliseconds time(150);
  const long alone = spin_for(time);
  std::atomic<bool> go{false};
  long first = 0, second = 0;
  const auto spin_into = [&](long& rounds) {
    while (!go) {
    }
    rounds = spin_for(time);
  };
  std::thread a([&] { spin_into(first); });
  std::thread b([&] { spin_into(second); });
  go = true;
  a.join();
  b.join();
  std::printf("%.3f\n", static_cast<double>(first + second) / static_cast<double>(alone));
}
