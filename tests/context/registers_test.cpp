// SPDX-License-Identifier: BSL-1.0
// What a switch keeps of the processor.
#include <doctest/doctest.h>

#include <array>
#include <cfenv>
#include <cstdint>
#include <string_view>
#include <utility>

#include "context/flow.hpp"
#include "support/scale.hpp"

using weft::test::flow;
using weft::test::scaled;

extern "C" unsigned long weft_test_callee_saved(unsigned long pattern, void (*call)(void*), void* argument);

namespace {

// Many values at once that nothing but the switch interrupts: more than there are registers, so the compiler keeps
// some in every register that the switch does not declare lost. Both flows run this very code with other values, so
// one that is not put away comes back as the other flow's.
template <class T, std::size_t N, class Leave> T juggle(T seed, Leave leave) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    std::array<T, N> values{static_cast<T>(seed * static_cast<T>(I + 1) + static_cast<T>(I))...};
    for (int round = 0; round < 8; ++round) {
      ((values[I] = values[I] * static_cast<T>(3) + values[(I + 1) % N]), ...);
      leave();
      ((values[I] = values[I] - values[(I + 3) % N] / static_cast<T>(2)), ...);
    }
    T sum = 0;
    ((sum = sum * static_cast<T>(2) + values[I]), ...);
    return sum;
  }
  (std::make_index_sequence<N>());
}

template <class T, std::size_t N> void check_that_values_survive() {
  T sums[2] = {};
  flow one([&](flow& self) {
    sums[0] = juggle<T, N>(
        T(3), [&]() __attribute__((always_inline)) { self.leave(); });
  });
  flow other([&](flow& self) {
    sums[1] = juggle<T, N>(
        T(7), [&]() __attribute__((always_inline)) { self.leave(); });
  });
  while (!one.finished() || !other.finished()) {
    if (!one.finished()) one.resume();
    if (!other.finished()) other.resume();
  }
  const auto nothing = [] {};
  CHECK(sums[0] == juggle<T, N>(T(3), nothing));
  CHECK(sums[1] == juggle<T, N>(T(7), nothing));
}

}  // namespace

TEST_CASE("registers that the ABI makes the callee's are kept across switches, on both sides") {
  const auto leave = [](void* self) { static_cast<flow*>(self)->leave(); };
  unsigned long lost[2] = {~0ul, ~0ul};
  flow one([&](flow& self) { lost[0] = weft_test_callee_saved(0x0123456789abcdef, leave, &self); });
  flow other([&](flow& self) { lost[1] = weft_test_callee_saved(0xfedcba9876543210, leave, &self); });
  const auto resume_other = [](void* argument) { static_cast<flow*>(argument)->resume(); };
  one.resume();
  CHECK(weft_test_callee_saved(0x5555aaaa3333cccc, resume_other, &other) == 0);
  one.resume();
  CHECK(weft_test_callee_saved(0x1111222233334444, resume_other, &other) == 0);
  CHECK(lost[0] == 0);
  CHECK(lost[1] == 0);
}

TEST_CASE("values that the compiler keeps in registers survive a switch") {
  check_that_values_survive<std::uint64_t, 24>();
  check_that_values_survive<double, 40>();
  check_that_values_survive<float, 40>();
  check_that_values_survive<long double, 6>();
}

TEST_CASE("the entry function starts on its stack, aligned as the ABI wants") {
  bool aligned = false, inside = false;
  flow f([&](flow& self) {
    alignas(16) std::byte local[16];
    asm volatile("" : : "r"(local) : "memory");
    aligned = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) % 16 == 0 &&
              reinterpret_cast<std::uintptr_t>(local) % 16 == 0;
    inside = self.contains(__builtin_frame_address(0));
  });
  f.run();
  CHECK(aligned);
  CHECK(inside);
}

TEST_CASE("a flow that puts the rounding mode back before it leaves disturbs nobody") {
  bool at_start = false, after_switches = false;
  flow changes([&](flow& self) {
    std::fesetround(FE_UPWARD);
    std::fesetround(FE_TONEAREST);
    self.leave();
  });
  flow watches([&](flow& self) {
    at_start = std::fegetround() == FE_TONEAREST;
    self.leave();
    after_switches = std::fegetround() == FE_TONEAREST;
  });
  changes.resume();
  watches.resume();
  changes.run();
  watches.run();
  CHECK(at_start);
  CHECK(after_switches);
  CHECK(std::fegetround() == FE_TONEAREST);
}

TEST_CASE("a rounding mode that a flow leaves behind is the thread's, with Boost.Context the flow's") {
  int outside = -1, later = -1;
  flow changes([&](flow& self) {
    std::fesetround(FE_UPWARD);
    self.leave();
    later = std::fegetround();
  });
  changes.resume();
  outside = std::fegetround();
  std::fesetround(FE_DOWNWARD);
  changes.resume();
  const int at_end = std::fegetround();
  std::fesetround(FE_TONEAREST);
  if (weft::detail::switch_name == std::string_view("asm")) {
    CHECK(outside == FE_UPWARD);
    CHECK(later == FE_DOWNWARD);
    CHECK(at_end == FE_DOWNWARD);
  } else {
    CHECK(outside == FE_TONEAREST);
    CHECK(later == FE_UPWARD);
    CHECK(at_end == FE_DOWNWARD);
  }
}
