// SPDX-License-Identifier: BSL-1.0
// What the C++ runtime library keeps for a thread about exceptions, and what belongs to each flow on it instead: the
// stack of caught exceptions (that `throw;` and std::current_exception look at) and the number of those in flight
// (std::uncaught_exceptions). Without an exchange at each switch, `throw;` behind one rethrows what another flow caught.
//
// Invariant: while a flow runs, its state is the thread's, and what is kept for it here is zero. So a switch between
// two flows that handle no exceptions has nothing to write.
//
// The address of the thread's state is asked for once by each worker, on its own thread: the runtime library finds it
// through a thread-local variable of its own.
#pragma once

#include <cstdint>
#include <weft/detail/context/runtime_library.hpp>

namespace weft::detail {

// Laid out as the Itanium C++ ABI says of __cxa_eh_globals; `verify_exception_state` checks that it is so.
struct exception_state {
  void* caught = nullptr;
  unsigned uncaught = 0;

  [[nodiscard]] bool is_zero() const noexcept { return (reinterpret_cast<std::uintptr_t>(caught) | uncaught) == 0; }

  // The calling thread's.
  [[nodiscard]] static exception_state& of_this_thread() noexcept {
    return *reinterpret_cast<exception_state*>(abi::__cxa_get_globals());
  }
};

// `live` is the thread's. The flow that leaves keeps its own in `outgoing`, the one that comes kept it in `incoming`.
inline void exchange(exception_state& live, exception_state& outgoing, exception_state& incoming) noexcept {
  if (live.is_zero() && incoming.is_zero()) [[likely]]
    return;
  outgoing = live;
  live = incoming;
  incoming = {};
}

}  // namespace weft::detail
