// SPDX-License-Identifier: BSL-1.0
#include "context/raw_line.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>

using weft::detail::raw_line;

TEST_CASE("a raw line holds text and numbers, and cuts off what does not fit") {
  raw_line line;
  line.text("a ").number(0).text(" ").number(~std::uint64_t{0}).text(" ").hex(0xdeadbeef);
  CHECK(line.view() == "a 0 18446744073709551615 0xdeadbeef");
  line.text(std::string(5000, 'x'));
  CHECK(line.view().size() == 1023);
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  errno = 77;
  line.write_to(ends[1]);
  line.write_to(-1);
  CHECK(errno == 77);
  CHECK(line.view() == "");
  std::string got(2000, '\0');
  CHECK(read(ends[0], got.data(), got.size()) == 1024);
  CHECK(got[1023] == '\n');
  close(ends[0]);
  close(ends[1]);
}
