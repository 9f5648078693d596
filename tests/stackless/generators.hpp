// SPDX-License-Identifier: BSL-1.0
// Generators that the tests of generators pull.
#pragma once

#include <weft/stackless/generator.hpp>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace weft::test {

using stackless::generator;
using stackless::generator_exit;

inline generator<int> count_to(int last) {
  for (int i = 1; i <= last; ++i) co_yield i;
}

inline std::vector<int> all_of(generator<int> g) {
  std::vector<int> all;
  for (int i : g) all.push_back(i);
  return all;
}

template <class Error> std::exception_ptr an(Error e) { return std::make_exception_ptr(std::move(e)); }

// Counts up; what was sent, raised and closed goes into `log`.
inline generator<int, int, std::string> logging(std::string& log) {
  for (int i = 0;; ++i) {
    try {
      const std::optional<int> sent = co_yield i;
      log += sent ? "sent " + std::to_string(*sent) + "," : "next,";
      if (sent == 99) co_return "the end";
    } catch (const std::runtime_error& e) {
      log += std::string("raised ") + e.what() + ",";
    } catch (const generator_exit&) {
      log += "exit,";
      throw;
    }
  }
}

}  // namespace weft::test
