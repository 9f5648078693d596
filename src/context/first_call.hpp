// SPDX-License-Identifier: BSL-1.0
// The first thing that a fresh flow does.
#pragma once

namespace weft::detail {

struct first_call {
  void (*function)(void* argument) noexcept;  // never returns
  void* argument;
};

}  // namespace weft::detail

// Where a `first_call` that returned ends up: there is nowhere to return to. Says so on stderr and aborts.
extern "C" [[noreturn]] void weft_context_returned() noexcept;
