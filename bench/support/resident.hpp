// SPDX-License-Identifier: BSL-1.0
// What this process takes of the machine's memory.
#pragma once

#include <fstream>
#include <string>

namespace bench {

// Resident bytes and page tables.
inline long resident() {
  std::ifstream status("/proc/self/status");
  long sum = 0;
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:") || line.starts_with("VmPTE:")) sum += std::stol(line.substr(6)) * 1024;
  }
  return sum;
}

}  // namespace bench
