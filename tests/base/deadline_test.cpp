// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <limits>
#include <weft/base/deadline.hpp>

using namespace std::chrono_literals;
using weft::deadline;

TEST_CASE("a default deadline never passes") {
  CHECK(deadline{} == weft::never);
  CHECK(deadline{}.is_never());
  CHECK_FALSE(weft::never.passed());
  CHECK(weft::never.remaining() == std::chrono::nanoseconds::max());
}

TEST_CASE("zero and negative durations lie in the past, in constant expressions too") {
  constexpr deadline zero = 0s;
  constexpr deadline negative = -5ms;
  CHECK(zero.passed());
  CHECK(negative.passed());
  CHECK(zero.remaining() == 0ns);
}

TEST_CASE("a duration too long for the clock saturates to never") {
  CHECK(deadline(std::chrono::hours::max()) == weft::never);
  CHECK(deadline(std::chrono::duration<double>(std::numeric_limits<double>::infinity())) == weft::never);
  CHECK(deadline(std::chrono::nanoseconds::max()) == weft::never);
}

TEST_CASE("a fraction of a nanosecond is rounded up, never down") {
  const auto point = std::chrono::time_point<std::chrono::steady_clock, std::chrono::duration<double, std::nano>>(
      std::chrono::duration<double, std::nano>(1000.25));
  CHECK(deadline(point).to_nanoseconds() == 1001);
}

TEST_CASE("deadlines order by time") {
  CHECK(deadline(1s) < deadline(1h));
  CHECK(deadline(1h) < weft::never);
  CHECK(deadline(std::chrono::system_clock::now() + 1h) < deadline(2h));
  CHECK(deadline(std::chrono::system_clock::now() + 1h) > deadline(30min));
  CHECK(deadline(std::chrono::system_clock::time_point::max()) == weft::never);
  CHECK(deadline(std::chrono::system_clock::time_point::min()).passed());
}
