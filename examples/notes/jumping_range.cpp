// SPDX-License-Identifier: BSL-1.0
// A range that can be told to jump: a value goes out, another comes in.
#include <cstdio>
#include <optional>
#include <weft/stackless/generator.hpp>
#include <weft/weft.hpp>

namespace stackless {

using weft::stackless::generator;

generator<int, int> jumping_range(int up_to) {
  for (int index = 0; index < up_to;) {
    const std::optional<int> jump = co_yield index;
    index += jump.value_or(1);
  }
}

void show() {
  auto range = jumping_range(5);
  std::printf("stackless %d\n", *range.next());
  std::printf("stackless %d\n", *range.send(2));
  std::printf("stackless %d\n", *range.next());
  std::printf("stackless %d\n", *range.send(-1));
  for (int x : range) std::printf("stackless %d\n", x);
}

}  // namespace stackless

namespace fibers {

void jumping_range(int up_to, weft::channel<int>& out, weft::channel<int>& jumps) {
  for (int index = 0; index < up_to; index += *jumps.receive()) out.send(index);
  out.close();
}

void show() {
  weft::channel<int> out, jumps;  // they outlive the scope, and so all that use them
  weft::with_scope([&](weft::scope& all) {
    all.spawn([&] { jumping_range(5, out, jumps); });
    for (int jump : {2, 1, -1, 1, 1, 1}) {
      const std::optional<int> x = out.receive();
      if (!x) break;
      std::printf("fiber %d\n", *x);
      jumps.send(jump);
    }
  });
}

}  // namespace fibers

int main() {
  stackless::show();
  weft::run([] { fibers::show(); });
}
