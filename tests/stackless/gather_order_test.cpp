// SPDX-License-Identifier: BSL-1.0
// gather: in which order it begins its parts, and whose error it gives.
#include <weft/stackless/gather.hpp>

#include <doctest/doctest.h>

#include <string>
#include <weft/stackless.hpp>

#include "support/loops.hpp"

namespace {

using namespace weft::stackless;
using weft::test::on_loops;

task<> begins(std::string& log, char who) {
  log += who;
  co_return;
}

}  // namespace

TEST_CASE("gather begins its parts in the order of the arguments") {
  on_loops([]() -> task<> {
    std::string log;
    co_await gather(begins(log, 'a'), begins(log, 'b'), begins(log, 'c'));
    co_await gather(return_exceptions, begins(log, 'd'), begins(log, 'e'), begins(log, 'f'));
    CHECK(log == "abcdef");
  });
}
