// SPDX-License-Identifier: BSL-1.0
//   planted NAME (planted|healthy)
#include "planted/planted.hpp"

#include <cstdio>
#include <string_view>

namespace {

struct {
  std::string_view name;
  int (*run)(bool bug);
} constexpr bugs[] = {
    {"buffer_overflow", planted::buffer_overflow},
    {"integer_overflow", planted::integer_overflow},
    {"race", planted::race},
    {"stack_overflow", planted::stack_overflow},
    {"uninitialised", planted::uninitialised},
    {"use_after_free", planted::use_after_free},
    {"use_after_return", planted::use_after_return},
};

}  // namespace

int main(int argc, char** argv) {
  const std::string_view name = argc == 3 ? argv[1] : "", twin = argc == 3 ? argv[2] : "";
  for (const auto& one : bugs) {
    if (one.name == name && (twin == "planted" || twin == "healthy")) return one.run(twin == "planted");
  }
  std::fprintf(stderr, "usage: %s NAME planted|healthy\n", argv[0]);
  return 2;
}
