// SPDX-License-Identifier: BSL-1.0
// A case that runs in a process of its own, in which guards may use few mappings.
#pragma once

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdio>
#include <string>
#include <vector>

#include "support/alone.hpp"

namespace weft::test {

inline constexpr std::size_t few = 40;  // stacks, about

inline void passes_with_few_stacks(const char* what, const std::string& mappings = "80",
                                   const std::vector<std::string>& environment = {}) {
  std::vector<std::string> all = environment;
  all.push_back("WEFT_DEBUG=guards=mprotect,mappings=" + mappings);
  const auto end = run_alone(what, all);
  CHECK(end.signal == 0);
  CHECK(end.status == 0);
  if (end.status != 0) std::fputs(end.said.c_str(), stderr);
}

}  // namespace weft::test
