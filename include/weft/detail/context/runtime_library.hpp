// SPDX-License-Identifier: BSL-1.0
// One C++ runtime library (libstdc++) in a process: a program that brings its own, hidden from weft's, keeps its
// exceptions where weft does not exchange them.
#pragma once

#include <cxxabi.h>

namespace weft::detail {

// Throws std::system_error (not_supported) unless `callers_globals`, which the calling thread's own copy of the runtime
// library returned, is what weft's copy returns, and holds what weft exchanges. On the thread that asked.
void verify_exception_state(const void* callers_globals);

// Inlined always: the question is which copy the caller's object file is bound to.
[[gnu::always_inline]] inline void verify_exception_state() { verify_exception_state(abi::__cxa_get_globals()); }

}  // namespace weft::detail
