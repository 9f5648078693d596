// SPDX-License-Identifier: BSL-1.0
// Exceptions belong to the flow that throws and catches them.
#include <doctest/doctest.h>

#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "context/exception_state.hpp"
#include "context/flow.hpp"
#include "context/shadow_stack.hpp"

using namespace weft::detail;
using weft::test::flow;

namespace {

[[gnu::noinline]] void throw_below(int depth, const char* what) {
  if (depth == 0) throw std::runtime_error(what);
  throw_below(depth - 1, what);
  asm volatile("");  // keeps the frame
}

std::string what_is_rethrown() {
  try {
    throw;
  } catch (const std::exception& e) {
    return e.what();
  }
}

std::string what_is_current() {
  try {
    std::rethrow_exception(std::current_exception());
  } catch (const std::exception& e) {
    return e.what();
  }
}

// Leaves while an exception passes it.
struct leaves_when_destroyed {
  flow& self;
  int* uncaught_before;
  int* uncaught_after;
  ~leaves_when_destroyed() {
    *uncaught_before = std::uncaught_exceptions();
    self.leave();
    *uncaught_after = std::uncaught_exceptions();
  }
};

}  // namespace

TEST_CASE("an exception is thrown and caught on a flow's stack") {
  std::string caught;
  flow f([&](flow&) {
    try {
      throw_below(20, "from below");
    } catch (const std::runtime_error& e) {
      caught = e.what();
    }
  });
  f.run();
  CHECK(caught == "from below");
}

TEST_CASE("`throw;` behind a switch rethrows the flow's own exception") {
  std::string seen[2], current[2];
  const auto body = [&](int index, const char* what) {
    return [&, index, what](flow& self) {
      try {
        throw_below(3, what);
      } catch (const std::exception&) {
        self.leave();
        current[index] = what_is_current();
        seen[index] = what_is_rethrown();
        self.leave();
      }
    };
  };
  flow one(body(0, "one")), other(body(1, "other"));
  one.resume();
  other.resume();
  CHECK(std::current_exception() == nullptr);
  one.resume();  // not the order in which they were caught
  other.resume();
  one.run();
  other.run();
  CHECK(seen[0] == "one");
  CHECK(seen[1] == "other");
  CHECK(current[0] == "one");
  CHECK(current[1] == "other");
}

TEST_CASE("the thread's own handled exception is not seen by a flow, and is there again afterwards") {
  bool seen_inside = true;
  flow f([&](flow& self) {
    seen_inside = std::current_exception() != nullptr;
    self.leave();
    try {
      throw_below(1, "inside");
    } catch (const std::exception&) {
      self.leave();
    }
  });
  try {
    throw_below(1, "outside");
  } catch (const std::exception&) {
    f.resume();
    f.resume();
    CHECK(what_is_rethrown() == "outside");
    f.run();
    CHECK(what_is_rethrown() == "outside");
  }
  CHECK_FALSE(seen_inside);
  CHECK(std::current_exception() == nullptr);
}

TEST_CASE("std::uncaught_exceptions counts the flow's own, also across a switch in the middle of unwinding") {
  int before = -1, after = -1, elsewhere = -1, outside = -1;
  std::string caught;
  flow unwinds([&](flow& self) {
    try {
      const leaves_when_destroyed guard{self, &before, &after};
      throw_below(2, "in flight");
    } catch (const std::exception& e) {
      caught = e.what();
    }
  });
  flow watches([&](flow&) { elsewhere = std::uncaught_exceptions(); });
  unwinds.resume();
  outside = std::uncaught_exceptions();
  watches.run();
  try {
    throw_below(0, "meanwhile");
  } catch (const std::exception&) {
  }
  unwinds.run();
  CHECK(before == 1);
  CHECK(after == 1);
  CHECK(outside == 0);
  CHECK(elsewhere == 0);
  CHECK(caught == "in flight");
  CHECK(std::uncaught_exceptions() == 0);
}

TEST_CASE("a handler that was left and gone out of is not remembered at the next switch") {
  bool handling = true;
  flow f([&](flow& self) {
    try {
      throw_below(0, "once");
    } catch (const std::exception&) {
      self.leave();  // keeps the state
    }
    self.leave();  // nothing to keep: what was kept before must be gone
    handling = std::current_exception() != nullptr;
  });
  f.run();
  CHECK_FALSE(handling);
}

TEST_CASE("flows inside handlers inside handlers finish in any order") {
  constexpr int count = 6;
  std::string seen[count];
  std::vector<std::unique_ptr<flow>> flows;
  for (int i = 0; i < count; ++i) {
    flows.push_back(std::make_unique<flow>([&seen, i](flow& self) {
      const std::string outer = "outer " + std::to_string(i), inner = "inner " + std::to_string(i);
      try {
        throw_below(1, outer.c_str());
      } catch (const std::exception&) {
        self.leave();
        try {
          throw_below(1, inner.c_str());
        } catch (const std::exception&) {
          self.leave();
          seen[i] = what_is_rethrown();
        }
        self.leave();
        seen[i] += ", " + what_is_rethrown();
      }
    }));
  }
  for (const int i : {0, 3, 1, 5, 2, 4, 5, 0, 4, 3, 2, 1}) flows[i]->resume();
  for (const int i : {2, 5, 0, 1, 4, 3}) flows[i]->run();
  for (int i = 0; i < count; ++i) CHECK(seen[i] == "inner " + std::to_string(i) + ", outer " + std::to_string(i));
}

TEST_CASE("the exchange writes nothing when no side handles exceptions") {
  exception_state live, leaving, coming;
  exchange(live, leaving, coming);
  CHECK(leaving.is_zero());
  live.uncaught = 2;
  exchange(live, leaving, coming);
  CHECK(live.is_zero());
  CHECK(leaving.uncaught == 2);
  exchange(live, coming, leaving);
  CHECK(live.uncaught == 2);
  CHECK(leaving.is_zero());
}

TEST_CASE("the runtime library is found to be one, and to keep exceptions as the ABI says") {
  CHECK_NOTHROW(verify_exception_state());
  try {
    throw_below(0, "while another is handled");
  } catch (const std::exception&) {
    CHECK_NOTHROW(verify_exception_state());
  }
  CHECK(std::current_exception() == nullptr);
}

TEST_CASE("a second copy of the runtime library is named at start") {
  exception_state of_another_copy;
  try {
    verify_exception_state(&of_another_copy);
    FAIL("not noticed");
  } catch (const std::system_error& e) {
    CHECK(e.code() == std::errc::not_supported);
    CHECK(std::string(e.what()).find("two copies of the C++ runtime library") != std::string::npos);
  }
}

TEST_CASE("a shadow stack is refused by name, and none is found where none is on") {
  CHECK_NOTHROW(verify_no_shadow_stack());
  try {
    verify_no_shadow_stack(true);
    FAIL("not refused");
  } catch (const std::system_error& e) {
    CHECK(e.code() == std::errc::not_supported);
    CHECK(std::string(e.what()).find("shadow stacks") != std::string::npos);
  }
}
