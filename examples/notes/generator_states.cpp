// SPDX-License-Identifier: BSL-1.0
// The states of a generator: made, running, standing at a yield, ended; what it returns, and what closing it throws.
#include <cstdio>
#include <weft/stackless/generator.hpp>
#include <weft/weft.hpp>

namespace stackless {

using weft::stackless::generator;
using weft::stackless::generator_exit;

generator<int, void, int> meets(bool meet) {
  std::puts("stackless 1");
  if (meet) {
    std::puts("stackless 2");
    co_yield 666;
    std::puts("stackless 3");
  }
  std::puts("stackless 4");
  co_return 5;
}

generator<int> endless() {
  for (int i = 0;; ++i) {
    try {
      co_yield i;
    } catch (const generator_exit&) {
      std::puts("stackless closed");
      co_return;
    }
  }
}

void show() {
  auto g = meets(true);
  std::puts("stackless made");
  std::printf("stackless yielded %d\n", *g.next());
  std::printf("stackless %s\n", g.next() ? "yielded again" : "ended");
  std::printf("stackless returned %d\n", g.result());
  auto e = endless();
  std::printf("stackless yielded %d\n", *e.next());
  e.close();
  std::printf("stackless %s\n", e.next() ? "yielded again" : "ended");
}

}  // namespace stackless

namespace fibers {

// What a generator has by itself: a way out, and a way to be asked for the next one.
struct baton {
  weft::channel<int> out;
  weft::channel<char> next;
};

int meets(bool meet, baton& b) {
  b.next.receive();
  std::puts("fiber 1");
  if (meet) {
    std::puts("fiber 2");
    b.out.send(666);
    b.next.receive();
    std::puts("fiber 3");
  }
  std::puts("fiber 4");
  return 5;
}

// Closing it is a cancellation: it strikes where the fiber stands, and unwinds it.
void endless(baton& b) {
  try {
    for (int i = 0;; ++i) {
      b.next.receive();
      b.out.send(i);
    }
  } catch (const weft::cancelled&) {
    std::puts("fiber closed");
    throw;
  }
}

void show() {
  baton b;
  auto g = weft::spawn([&] { return meets(true, b); });
  std::puts("fiber made");
  b.next.send(0);
  std::printf("fiber yielded %d\n", *b.out.receive());
  b.next.send(0);
  std::printf("fiber returned %d\n", g.join());
  auto e = weft::spawn([&] { endless(b); });
  b.next.send(0);
  std::printf("fiber yielded %d\n", *b.out.receive());
  e.cancel();
}

}  // namespace fibers

int main() {
  stackless::show();
  weft::run([] { fibers::show(); });
}
