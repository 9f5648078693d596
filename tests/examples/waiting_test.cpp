// SPDX-License-Identifier: BSL-1.0
// Runs the examples in which fibers wait for each other and for files.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "examples/program.hpp"
#include "support/temporary.hpp"

using weft::test::program;
using weft::test::temporary_file;

namespace {

std::string repeat(const std::string& what, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += what;
  return text;
}

}  // namespace

TEST_CASE("word_count adds up the words of all files, the most frequent first") {
  // More than a block each, so that words lie across the borders of blocks.
  const temporary_file a(repeat("Fiber, worker; ", 20'000)), b(repeat("fiber stack\n", 30'000) + "claim"), c(""),
      d("a b c d e f");
  program words("word_count", {a.path(), b.path(), c.path(), d.path()});
  CHECK(words.said() ==
        "  50000 fiber\n"
        "  30000 stack\n"
        "  20000 worker\n"
        "      1 a\n"
        "      1 b\n"
        "      1 c\n"
        "      1 claim\n"
        "      1 d\n"
        "      1 e\n"
        "      1 f\n");
  CHECK(words.wait() == 0);
}

TEST_CASE("word_count names a file that it cannot read") {
  const temporary_file a("some words");
  program words("word_count", {a.path(), "/nowhere/words"});
  CHECK(words.said() == "word_count: /nowhere/words: No such file or directory\n");
  CHECK(words.wait() == 1);
}

TEST_CASE("all philosophers come to eat; greedy ones stand still, and are listed") {
  program polite("philosophers", {"1000"});
  std::string all;
  for (int i = 0; i < 5; ++i) all += "philosopher " + std::to_string(i) + " ate 1000 times\n";
  CHECK(polite.said() == all);
  CHECK(polite.wait() == 0);

  program greedy("philosophers", {"greedy"});
  CHECK(greedy.line() == "each has one fork and waits for the other:");
  const std::string dump = greedy.said();
  for (int i = 0; i < 5; ++i) CHECK(dump.find("\"philosopher " + std::to_string(i) + "\" waits for") != dump.npos);
  CHECK(greedy.wait() == 3);
}
