// SPDX-License-Identifier: BSL-1.0
// The switch by Boost.Context, for machines without assembly of ours and to hold the other backend against.
//
// Everything of a suspended flow lies on its stack; one word, the handle, leads there. A handle serves one jump:
// whoever is jumped to gets the new handle of the flow that jumped, and writes it into that flow's words.
#pragma once

#include <boost/context/detail/fcontext.hpp>
#include <cassert>
#include <cstddef>
#include <cstdint>

#include "context/first_call.hpp"

namespace weft::detail {

inline constexpr const char* switch_name = "boost";

struct registers;

struct flow_registers {
  void* stack;      // the handle
  first_call call;  // of a fresh flow
};

// What a jump carries; it lies on the stack of the flow that jumps.
struct passage {
  flow_registers* left;
  flow_registers* entered;
};

// Not instrumented: a flow that leaves for good has unpoisoned its stack, and the red zones around `ours` would stay; and
// TSan, which has been told of the switch before, would see this function entered by one flow and left by another.
[[gnu::no_sanitize_address, gnu::no_sanitize_thread]] inline void exchange_flows(flow_registers& from,
                                                                                 flow_registers& to) noexcept {
  passage ours{&from, &to};
  const auto arrival = boost::context::detail::jump_fcontext(to.stack, &ours);
  static_cast<passage*>(arrival.data)->left->stack = arrival.fctx;
}

// Nobody else can inline this one.
inline registers* words_of(flow_registers&) noexcept { return nullptr; }

[[noreturn]] inline void start_flow(boost::context::detail::transfer_t arrival) noexcept {
  const passage theirs = *static_cast<passage*>(arrival.data);
  theirs.left->stack = arrival.fctx;
  const first_call call = theirs.entered->call;
  call.function(call.argument);
  weft_context_returned();
}

inline void prepare_registers(flow_registers& fresh, std::byte* low, std::byte* top, first_call call) noexcept {
  assert(reinterpret_cast<std::uintptr_t>(top) % 16 == 0);
  fresh.stack = boost::context::detail::make_fcontext(top, static_cast<std::size_t>(top - low), start_flow);
  fresh.call = call;
}

}  // namespace weft::detail
