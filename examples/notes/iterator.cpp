// SPDX-License-Identifier: BSL-1.0
// An iterator of one's own, and a pipeline of them: once as a frame that yields, once as fibers that hand on.
#include <cstdio>
#include <weft/stackless/generator.hpp>
#include <weft/weft.hpp>

namespace stackless {

using weft::stackless::generator;

generator<int> up_to(int max_index) {
  for (int index = 0; index < max_index; ++index) co_yield index;
}
generator<int> squares(generator<int> from) {
  for (int i : from) co_yield i* i;
}

void show() {
  for (int i : up_to(3)) std::printf("stackless %d\n", i);
  for (int i : squares(up_to(4))) std::printf("stackless square %d\n", i);
}

}  // namespace stackless

namespace fibers {

using numbers = weft::channel<int>;

// What yields is a fiber of its own; the rendezvous takes the place of the frame that stands still.
void up_to(int max_index, numbers& out) {
  for (int index = 0; index < max_index; ++index) out.send(index);
  out.close();
}
void squares(numbers& from, numbers& out) {
  for (int i : from) out.send(i * i);
  out.close();
}

void show() {
  weft::with_scope([](weft::scope& all) {
    numbers plain;
    all.spawn([&] { up_to(3, plain); });
    for (int i : plain) std::printf("fiber %d\n", i);
    numbers counted, squared;
    all.spawn([&] { up_to(4, counted); });
    all.spawn([&] { squares(counted, squared); });
    for (int i : squared) std::printf("fiber square %d\n", i);
  });
}

}  // namespace fibers

int main() {
  stackless::show();
  weft::run([] { fibers::show(); });
}
