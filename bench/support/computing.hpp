// SPDX-License-Identifier: BSL-1.0
// The messages of the mixed load, and the computation that some of them ask for: the same work whoever does it.
#pragma once

#include <array>
#include <cstdint>

namespace bench {

struct request {
  std::uint64_t number = 0;  // comes back as it is
  std::uint64_t rounds = 0;  // of the computation; 0 for most
  std::uint64_t result = 0;
  std::array<std::uint64_t, 5> filling{};
};
static_assert(sizeof(request) == 64);

// Each round needs the one before it, and the compiler does not know that one: LLVM would make one of eight. Never 0.
[[nodiscard]] inline std::uint64_t computed(std::uint64_t rounds) noexcept {
  std::uint64_t x = 1;
  for (; rounds > 0; --rounds) {
    x = x * 6364136223846793005u + 1442695040888963407u;
    asm volatile("" : "+r"(x));
  }
  return x | 1;
}

}  // namespace bench
