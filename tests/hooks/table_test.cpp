// SPDX-License-Identifier: BSL-1.0
// The table of hooked functions is complete in itself: each is ours, and each is called on a fiber by some scenario.
#include "hooks/table.hpp"

#include <dlfcn.h>
#include <doctest/doctest.h>

#include <set>
#include <string>
#include <weft/hooks.hpp>
#include <weft/weft.hpp>

#include "hooks/stage.hpp"

using weft::detail::hooks_table;

TEST_CASE("each function of the table is called on a fiber by some scenario") {
  const auto called = weft::test::called_by_all_scenarios();
  for (const auto& row : hooks_table()) CHECK_MESSAGE(called.contains(std::string(row.name)), row.name, " has no test");
}

TEST_CASE("each function of the table is what the program calls by that name") {
  Dl_info ours{};
  REQUIRE(dladdr(reinterpret_cast<void*>(&hooks_table), &ours) != 0);
  std::set<std::string_view> names;
  for (const auto& row : hooks_table()) {
    CHECK_MESSAGE(names.insert(row.name).second, row.name, " stands twice");
    void* const symbol = dlsym(RTLD_DEFAULT, std::string(row.name).c_str());
    Dl_info found{};
    REQUIRE_MESSAGE(dladdr(symbol, &found) != 0, row.name);
    CHECK_MESSAGE(found.dli_fbase == ours.dli_fbase, row.name, " is in ", found.dli_fname);
    CHECK_MESSAGE(symbol == reinterpret_cast<void*>(row.address), row.name);
  }
}

TEST_CASE("hooks are enabled wherever they are linked, but not inside a scoped_disable of this fiber") {
  CHECK(weft::hooks::enabled());
  {
    const weft::hooks::scoped_disable on_a_thread;
    CHECK(weft::hooks::enabled());
  }
  weft::run([] {
    CHECK(weft::hooks::enabled());
    const weft::hooks::scoped_disable outer;
    CHECK(!weft::hooks::enabled());
    {
      const weft::hooks::scoped_disable inner;
      CHECK(!weft::hooks::enabled());
    }
    CHECK(!weft::hooks::enabled());
    CHECK(weft::spawn([] { return weft::hooks::enabled(); }).join());
  });
  CHECK(weft::hooks::enabled());
}
