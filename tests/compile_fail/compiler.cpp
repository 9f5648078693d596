// SPDX-License-Identifier: BSL-1.0
#include "compile_fail/compiler.hpp"

#include <array>
#include <cstdio>

namespace weft::test {

std::string complaint(const std::string& declarations) {
  const std::string command = std::string(COMPILER) +
                              " -fsyntax-only -x c++ - 2>&1 <<'END'\n#include <weft/stackless.hpp>\n"
                              "using namespace weft::stackless;\n" +
                              declarations + "\nEND\n";
  FILE* const pipe = popen(command.c_str(), "r");
  if (!pipe) return "no shell";
  std::string said;
  std::array<char, 4096> part;
  for (std::size_t got; (got = std::fread(part.data(), 1, part.size(), pipe)) > 0;) said.append(part.data(), got);
  if (pclose(pipe) == 0) return "";
  return said.empty() ? "it failed, and said nothing" : said;
}

}  // namespace weft::test
