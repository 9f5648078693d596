// SPDX-License-Identifier: BSL-1.0
// The stack on which a worker's signal handlers run that ask for one: an overflowed stack has no room for them.
#pragma once

#include <signal.h>

#include <cstddef>

namespace weft::detail {

// For the thread that makes it, which must also destroy it. A thread that has an alternate stack of at least the same
// size (a sanitizer made it) keeps that one.
class alternate_stack {
 public:
  // Throws std::system_error (not_enough_memory).
  alternate_stack();
  ~alternate_stack();
  alternate_stack(const alternate_stack&) = delete;
  alternate_stack& operator=(const alternate_stack&) = delete;

  // Room for a handler that walks the stack and prints, beside the signal's own frame.
  [[nodiscard]] static std::size_t size() noexcept;

 private:
  void* mapping_ = nullptr;  // null: the thread had one
  stack_t previous_ = {};
};

}  // namespace weft::detail
