// SPDX-License-Identifier: BSL-1.0
#include <cstdio>
#include <weft/weft.hpp>

int main() {
  weft::run([] {
    auto name = weft::spawn([] { return "world"; });  // another fiber
    std::printf("hello, %s\n", name.join());
  });
}
