// SPDX-License-Identifier: BSL-1.0
// What people are told of a fiber: in dumps, when it holds its worker, and when its stack overflows.
#pragma once

#include <cstddef>

#include "fiber/control_block.hpp"

namespace weft::detail {

class raw_line;

// `fiber 7 "name", created at file:line`. Of the running fiber, or of one that is locked or has ended for its handle;
// async-signal-safe.
void add_description(raw_line& line, const control_block& fiber) noexcept;

// The same, without a line end. Any thread; 0 if it has ended. The length, cut to fit.
std::size_t describe(control_block& fiber, char* out, std::size_t size) noexcept;

// One line: id, name, state, what it waits for and until when, its deadline, where it was created. Nothing for one that
// has ended. A moment's view: the fiber may be running. Any thread; keeps the fiber from ending for the moment.
void dump_fiber(control_block& fiber, int fd) noexcept;

// See `overflow_describer`.
bool describe_overflow(const void* fault_address, int fd) noexcept;

}  // namespace weft::detail
