// SPDX-License-Identifier: BSL-1.0
// A planted program has one bug that a detector must catch, and a healthy twin that it must let pass.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace planted {

// From the command line: `planted` or `healthy`.
inline bool has_bug(int argc, char** argv) {
  const std::string_view twin = argc == 2 ? argv[1] : "";
  if (twin == "planted") return true;
  if (twin == "healthy") return false;
  std::fprintf(stderr, "usage: %s planted|healthy\n", argv[0]);
  std::exit(2);
}

// Keeps the compiler from seeing what a pointer points to, so that the bug is still there when it is run.
template <class T> T* hidden(T* pointer) {
  asm volatile("" : "+r"(pointer) : : "memory");
  return pointer;
}

}  // namespace planted
