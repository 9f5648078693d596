// SPDX-License-Identifier: BSL-1.0
// The states of a generator: made, running, standing at a yield, ended; what it returns, what is
// thrown into it, and what closing it throws.
#include <cstdio>
#include <exception>
#include <stdexcept>
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
    } catch (const std::runtime_error& e) {
      std::printf("stackless heard %s\n", e.what());
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
  std::printf("stackless yielded %d\n", *e.raise(std::make_exception_ptr(std::runtime_error("a call"))));
  e.close();
  std::printf("stackless %s\n", e.next() ? "yielded again" : "ended");
}

}  // namespace stackless

namespace fibers {

// What a generator has by itself: a way out, and a way to be asked for the next one, or to be told of an error.
struct baton {
  weft::channel<int> out;
  weft::channel<std::exception_ptr> next;

  void wait() {
    if (const std::exception_ptr error = *next.receive()) std::rethrow_exception(error);
  }
};

int meets(bool meet, baton& b) {
  b.wait();
  std::puts("fiber 1");
  if (meet) {
    std::puts("fiber 2");
    b.out.send(666);
    b.wait();
    std::puts("fiber 3");
  }
  std::puts("fiber 4");
  return 5;
}

// Closing it is a cancellation: it strikes where the fiber stands, and unwinds it.
void endless(baton& b) {
  try {
    for (int i = 0;; ++i) {
      try {
        b.wait();
      } catch (const std::runtime_error& e) {
        std::printf("fiber heard %s\n", e.what());
      }
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
  b.next.send(nullptr);
  std::printf("fiber yielded %d\n", *b.out.receive());
  b.next.send(nullptr);
  std::printf("fiber returned %d\n", g.join());
  auto e = weft::spawn([&] { endless(b); });
  b.next.send(nullptr);
  std::printf("fiber yielded %d\n", *b.out.receive());
  b.next.send(std::make_exception_ptr(std::runtime_error("a call")));
  std::printf("fiber yielded %d\n", *b.out.receive());
  e.cancel();
}

}  // namespace fibers

int main() {
  stackless::show();
  weft::run([] { fibers::show(); });
}
