// SPDX-License-Identifier: BSL-1.0
// What the tests of generators share.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <vector>
#include <weft/weft.hpp>

namespace weft::test {

// Each case runs where a generator may run: on the calling thread, and on a fiber.
inline void everywhere(const std::function<void()>& what) {
  SUBCASE("on a plain thread") { what(); }
  SUBCASE("on a fiber") { weft::run(what); }
}

inline std::vector<int> rest_of(generator<int>& from) {
  std::vector<int> all;
  for (const int value : from) all.push_back(value);
  return all;
}

inline auto up_to(int end) {
  return [end](auto& yield) {
    for (int i = 0; i < end; ++i) yield(i);
  };
}

struct counted {
  explicit counted(int& count) : count_(&count) { ++*count_; }
  counted(const counted& other) : count_(other.count_) { ++*count_; }
  ~counted() { --*count_; }
  int* count_;
};

// Through frames of its own, so that it is unwound there.
template <class Error> [[gnu::noinline]] void throw_below(int depth, const char* what) {  // NOLINT(misc-no-recursion)
  if (depth == 0) throw Error(what);
  throw_below<Error>(depth - 1, what);
  asm volatile("");
}

// A local whose red zones and shadow calls the sanitizers watch, on whatever stack this is.
[[gnu::noinline]] inline int use_stack(int depth) {  // NOLINT(misc-no-recursion)
  volatile char frame[300];
  frame[depth % 300] = char(depth);
  return depth == 0 ? frame[0] : use_stack(depth - 1) + frame[depth % 300];
}

}  // namespace weft::test
