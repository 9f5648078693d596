// SPDX-License-Identifier: BSL-1.0
// What stackless throws besides weft's own errors: the two mistakes that asyncio names.
#pragma once

#include <system_error>

namespace weft::stackless {

// asyncio's InvalidStateError: a future is asked for what it has not, or is set twice. The code is operation_not_permitted.
class invalid_state : public std::system_error {
 public:
  explicit invalid_state(const char* what)
      : std::system_error(std::make_error_code(std::errc::operation_not_permitted), what) {}
};

// What asyncio says as RuntimeError of event loops: there is none, it is closed, it runs already, it was stopped too soon.
// The code is operation_not_permitted.
class loop_error : public std::system_error {
 public:
  explicit loop_error(const char* what)
      : std::system_error(std::make_error_code(std::errc::operation_not_permitted), what) {}
};

}  // namespace weft::stackless

namespace weft::detail {

[[noreturn, gnu::cold]] void throw_invalid_state(const char* what);
[[noreturn, gnu::cold]] void throw_loop_error(const char* what);

}  // namespace weft::detail
