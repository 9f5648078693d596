// SPDX-License-Identifier: BSL-1.0
// Test cases that end in every way there is. Not a test of weft: tests/tools/tools_test.py picks them one by one.
#include <doctest/doctest.h>
#include <fcntl.h>

#include <cstdio>
#include <cstdlib>

#include "support/session.hpp"

TEST_CASE("passes") { CHECK(true); }

TEST_CASE("fails") { CHECK(false); }

TEST_CASE("is skipped") { weft::test::skip("to see it counted"); }

TEST_CASE("leaks a descriptor") { CHECK(open("/dev/null", O_RDONLY) >= 0); }

TEST_CASE("crashes") { std::abort(); }

TEST_CASE("exits early") { std::_Exit(0); }

TEST_CASE("starts its own program") { CHECK(std::system("/proc/$PPID/exe --test-case=passes") == 0); }

TEST_CASE("hangs") {
  weft::test::on_hang([](int fd) { dprintf(fd, "the dump of a hang\n"); });
  for (;;) weft::test::skip("the watchdog must end this");
}
