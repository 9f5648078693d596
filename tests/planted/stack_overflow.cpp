// SPDX-License-Identifier: BSL-1.0
// A fiber calls itself until its stack of 64 KiB ends, or only a third of the way. The process must die with the name of
// the fiber on stderr.
#include <weft/weft.hpp>

#include "planted/planted.hpp"

namespace {

[[gnu::noinline]] std::size_t descend(std::size_t left) {
  char frame[512];
  frame[0] = static_cast<char>(left);
  if (left <= sizeof frame) return 0;
  return descend(left - sizeof frame) + static_cast<std::size_t>(*planted::hidden(&frame[0]) & 1);
}

}  // namespace

int planted::stack_overflow(bool bug) {
  constexpr std::size_t stack_size = 64 * 1024;
  const std::size_t depth = bug ? stack_size * 1000 : stack_size / 3;
  return weft::run([depth] {
    auto deep = weft::spawn({.name = "deep-one", .stack_size = stack_size}, [depth] { return descend(depth); });
    return deep.join() <= depth ? 0 : 1;
  });
}
