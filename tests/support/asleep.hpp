// SPDX-License-Identifier: BSL-1.0
// Whether a thread sleeps in a system call.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace weft::test {

// As the kernel says. Not through functions that are hooked.
inline bool is_asleep(int thread_id) {
  const std::string path = "/proc/self/task/" + std::to_string(thread_id) + "/stat";
  std::FILE* const file = std::fopen(path.c_str(), "re");
  if (!file) return false;
  char text[512] = {};
  const std::size_t size = std::fread(text, 1, sizeof text - 1, file);
  std::fclose(file);
  const auto at = std::string_view(text, size).rfind(')');  // the name before it may hold anything
  return at != std::string_view::npos && text[at + 2] == 'S';
}

}  // namespace weft::test
