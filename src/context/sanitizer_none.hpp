// SPDX-License-Identifier: BSL-1.0
// What sanitizers must be told of a flow: nothing, in a build without them.
#pragma once

#include <cstddef>

#include "context/first_call.hpp"

namespace weft::detail {

class sanitizer_state {
 public:
  static constexpr bool listens = false;

  first_call prepare(std::byte*, std::byte*, first_call call) noexcept { return call; }
  void leave(sanitizer_state&) noexcept {}
  void leave_finished(sanitizer_state&) noexcept {}
  void arrive() noexcept {}
  void take_over(sanitizer_state&, const std::byte*, const std::byte*) noexcept {}
  void renew(sanitizer_state&) noexcept {}
};

}  // namespace weft::detail
