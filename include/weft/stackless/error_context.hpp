// SPDX-License-Identifier: BSL-1.0
// What an event loop tells its exception handler: the `context` of asyncio's call_exception_handler().
#pragma once

#include <exception>
#include <source_location>
#include <string>

namespace weft::stackless {

struct error_context {
  std::string message;              // what went wrong
  std::exception_ptr exception;     // may be null
  std::source_location where = {};  // where the callback was scheduled or the task created; no line: unknown
};

}  // namespace weft::stackless
