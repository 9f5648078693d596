// SPDX-License-Identifier: BSL-1.0
// The switch by our own assembly, which is in a public header since programs inline it; here a fresh flow.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>

#include <weft/detail/asm/exchange.hpp>

#include "context/first_call.hpp"

extern "C" void weft_context_start();  // asm: not to be called, only continued at

namespace weft::detail {

inline constexpr const char* switch_name = "asm";

using flow_registers = registers;

[[gnu::always_inline]] inline void exchange_flows(flow_registers& from, flow_registers& to) noexcept {
  exchange_registers(from, to);
}

// For code that inlines the switch.
inline registers* words_of(flow_registers& of) noexcept { return &of; }

// Four stores: `weft_context_start` finds the call in the words for the frame and the base pointer.
inline void prepare_registers(flow_registers& fresh, std::byte*, std::byte* top, first_call call) noexcept {
  assert(reinterpret_cast<std::uintptr_t>(top) % 16 == 0);
  fresh.stack = top;
  fresh.resume = reinterpret_cast<void*>(&weft_context_start);
  fresh.frame = reinterpret_cast<void*>(call.function);
  fresh.base = call.argument;
}

}  // namespace weft::detail
