// SPDX-License-Identifier: BSL-1.0
// What does one switch between two flows cost, one way, as the fibers use it? Against bare C++20 coroutines that resume each
// other, in the same process, and Boost.Context's jump (a peer).
#include "context/context.hpp"
#include "support/coroutine.hpp"
#include "support/report.hpp"

#include <memory>

namespace {

using weft::detail::context;

struct pair {
  context here, there;
  long visits = 0;
};

void answer(void* both) noexcept {
  auto& p = *static_cast<pair*>(both);
  for (;;) {
    ++p.visits;
    weft::detail::switch_context(p.there, p.here);
  }
}

double one_way() {
  constexpr long round_trips = 5'000'000;
  constexpr std::size_t size = 65536;
  const auto stack = std::make_unique<std::byte[]>(size + 16);
  auto* const top =
      reinterpret_cast<std::byte*>(reinterpret_cast<std::uintptr_t>(stack.get() + size) & ~std::uintptr_t{15});
  pair p;
  p.there.prepare(stack.get(), top, &answer, &p);
  const bench::stopwatch watch;
  for (long i = 0; i < round_trips; ++i) weft::detail::switch_context(p.here, p.there);
  const double each = watch.nanoseconds() / (2 * round_trips);
  bench::expect(p.visits == round_trips, "the other flow did not run each time");
  return each;
}

struct straight_into {
  const std::coroutine_handle<>& other;

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  [[nodiscard]] std::coroutine_handle<> await_suspend(std::coroutine_handle<>) const noexcept { return other; }
  void await_resume() const noexcept {}
};

bench::floor::plain going(const std::coroutine_handle<>& there, long round_trips) {
  for (long i = 0; i < round_trips; ++i) co_await straight_into{there};
}

bench::floor::plain answering(const std::coroutine_handle<>& here, long& visits) {
  for (;;) {
    ++visits;
    co_await straight_into{here};
  }
}

double bare_one_way() {
  constexpr long round_trips = 5'000'000;
  std::coroutine_handle<> here, there;
  long visits = 0;
  here = going(there, round_trips).handle;
  there = answering(here, visits).handle;
  const bench::stopwatch watch;
  here.resume();
  const double each = watch.nanoseconds() / (2 * round_trips);
  bench::expect(here.done() && visits == round_trips, "the other flow did not run each time");
  here.destroy();
  there.destroy();
  return each;
}

}  // namespace

int main() {
  std::vector<double> values, bare;
  for (int i = 0; i < bench::repeats; ++i) {
    values.push_back(one_way());
    bare.push_back(bare_one_way());
  }
  bench::report("switch/one-way", "weft", "ns", values);
  bench::report("switch/one-way", "cxx20", "ns", bare);
}
