// SPDX-License-Identifier: BSL-1.0
// The question of bench/switch.cpp asked of Boost.Context's lowest layer, `jump_fcontext`.
#include "../../support/report.hpp"

#include <boost/context/detail/fcontext.hpp>

#include <cstddef>
#include <memory>

namespace {

namespace raw = boost::context::detail;

void answer(raw::transfer_t from) {
  auto& visits = *static_cast<long*>(from.data);
  for (;;) {
    ++visits;
    from = raw::jump_fcontext(from.fctx, nullptr);
  }
}

double one_way() {
  constexpr long round_trips = 5'000'000;
  constexpr std::size_t size = 65536;
  const auto stack = std::make_unique<std::byte[]>(size);
  long visits = 0;
  raw::fcontext_t there = raw::make_fcontext(stack.get() + size, size, &answer);
  const bench::stopwatch watch;
  for (long i = 0; i < round_trips; ++i) there = raw::jump_fcontext(there, &visits).fctx;
  const double each = watch.nanoseconds() / (2 * round_trips);
  bench::expect(visits == round_trips, "the other flow did not run each time");
  return each;
}

}  // namespace

int main() {
  std::vector<double> values;
  for (int i = 0; i < bench::repeats; ++i) values.push_back(one_way());
  bench::report("switch/one-way", "boost_context", "ns", values);
}
