// SPDX-License-Identifier: BSL-1.0
// A stranger's program: it knows weft from its installation only.
#include <chrono>
#include <weft/weft.hpp>

int doubled(int value);  // part.cpp includes weft too: no header may define anything twice

int main() {
  using namespace std::chrono_literals;
  const int result = weft::run([] {
    auto child = weft::spawn([] {
      weft::this_fiber::sleep_for(1ms);
      return 21;
    });
    return doubled(child.join());
  });
  return result == 42 ? 0 : 1;
}
