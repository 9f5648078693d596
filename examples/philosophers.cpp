// SPDX-License-Identifier: BSL-1.0
// philosophers [MEALS]: five of them at a round table, a fork between any two, and each needs both beside him to eat.
// std::scoped_lock takes both or none, so all come to eat. `philosophers greedy` is the twin that does not: each takes the
// fork on his left and keeps it while he waits for the other one.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <string_view>
#include <weft/weft.hpp>

int main(int argc, char** argv) {
  constexpr int count = 5;
  const bool greedy = argc > 1 && std::string_view(argv[1]) == "greedy";
  const int meals = greedy || argc < 2 ? 100 : std::atoi(argv[1]);
  weft::run([&] {
    std::array<weft::mutex, count> forks;
    std::array<int, count> eaten{};
    weft::barrier all_have_one(count);
    weft::with_scope([&](weft::scope& table) {
      for (int i = 0; i < count; ++i) {
        table.spawn({.name = "philosopher " + std::to_string(i)}, [&, i] {
          weft::mutex &left = forks[std::size_t(i)], &right = forks[std::size_t(i + 1) % count];
          for (int meal = 0; meal < meals; ++meal) {
            if (greedy) {
              left.lock();
              all_have_one.arrive_and_wait();
              right.lock();  // for ever
            }
            const std::scoped_lock both(left, right);
            ++eaten[std::size_t(i)];
            weft::this_fiber::yield();
          }
        });
      }
      if (!greedy) return;
      while (weft::stats().parked < count) weft::this_fiber::yield();
      std::puts("each has one fork and waits for the other:"), std::fflush(stdout);
      weft::dump(1);
      std::_Exit(3);
    });
    for (int i = 0; i < count; ++i) std::printf("philosopher %d ate %d times\n", i, eaten[std::size_t(i)]);
  });
}
