// SPDX-License-Identifier: BSL-1.0
#include "context/size_class.hpp"

#include <doctest/doctest.h>

#include <ostream>
#include <string>
#include <system_error>

using namespace weft::detail;

namespace {

std::string refusal(std::size_t bytes) {
  try {
    static_cast<void>(stack_class_of(bytes));
  } catch (const std::system_error& e) {
    CHECK(e.code() == std::errc::invalid_argument);
    return e.what();
  }
  return "accepted";
}

bool names(const std::string& what, std::size_t number) { return what.find(std::to_string(number)) != what.npos; }

}  // namespace

TEST_CASE("a stack size is rounded up to its class") {
  CHECK(stack_class_of(256 << 10) == 4);
  CHECK(stack_class_size(4) == 256 << 10);
  CHECK(stack_class_of((256 << 10) - 1) == 4);
  CHECK(stack_class_of((256 << 10) + 1) == 5);
  CHECK(stack_class_of(100'001) == 3);
  for (std::size_t bytes = least_stack_size(); bytes < most_stack_size(); bytes += bytes / 3 + 1) {
    const unsigned found = stack_class_of(bytes);
    CHECK(stack_class_size(found) >= bytes);
    CHECK((found == 0 || stack_class_size(found - 1) < bytes));
  }
}

TEST_CASE("a stack size that no frame fits into is refused by name") {
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{4096}, least_stack_size() - 1}) {
    const std::string what = refusal(bytes);
    CHECK_MESSAGE(names(what, bytes), what);
    CHECK_MESSAGE(names(what, least_stack_size()), what);
  }
  CHECK(refusal(least_stack_size()) == "accepted");
}

TEST_CASE("a stack size above the machine's memory is refused by name") {
  for (const std::size_t bytes : {most_stack_size() + 1, ~std::size_t{0}, std::size_t{1} << 63}) {
    const std::string what = refusal(bytes);
    CHECK_MESSAGE(names(what, bytes), what);
    CHECK_MESSAGE(names(what, most_stack_size()), what);
  }
  CHECK(refusal(most_stack_size()) == "accepted");
}

TEST_CASE("the stride of every class is an odd number of pages, and the odd page is not taken from the stack") {
  for (unsigned c = 0; c < stack_classes; ++c) {
    const stack_layout layout = stack_class_layout(c);
    CHECK(layout.stride % page_size() == 0);
    CHECK(layout.stride / page_size() % 2 == 1);
    CHECK(layout.guard % page_size() == 0);
    CHECK(layout.guard >= guard_size);
    CHECK(layout.stride - layout.guard >= stack_class_size(c) + (stack_colours + 1) * 64);
  }
}
