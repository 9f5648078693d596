// SPDX-License-Identifier: BSL-1.0
// The control block of a fiber: everything but its stack.
//
// Invariants
//  - Type-stable: blocks come from `block_arena` and are never anything else, so a stale reference or a late wake reads
//    a valid claim, completion and id, and loses.
//  - Who may touch what: the fiber itself everything but the links of its queue; its worker `next`, `home`, `on` and
//    the saved registers while it does not run; a canceller, holding `end`'s lock, the chain of scopes.
//  - `ground` is null until the fiber first runs (lazy stacks) and again from its end on.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <type_traits>
#include <weft/base/deadline.hpp>
#include <weft/detail/fiber/fiber_core.hpp>
#include <weft/detail/run/runnable.hpp>
#include <weft/detail/run/wait_queue.hpp>
#include <weft/detail/sched/context_place.hpp>

#include "context/context.hpp"
#include "context/exception_state.hpp"
#include "context/stack.hpp"
#include "fiber/cancel_scope.hpp"
#include "run/direct_joiner.hpp"
#include "run/park_word.hpp"

namespace weft::detail {

struct block_slab;
class fibers;
class local_values;

// What every switch touches of a fiber: one cache line, with the claim that follows.
struct suspended_fiber : runnable {
  using runnable::runnable;
  context saved;  // where it goes on, while it does not run
};

// What a wait touches besides.
struct waiting_fiber : direct_joiner {
  using direct_joiner::direct_joiner;
  cancel_scope* innermost = nullptr;
  park_word parked;  // movable fibers only
  // For dumps, hence atomic and relaxed: a literal, null while it does not wait.
  std::atomic<const char*> waits_for{nullptr};
  exception_state exceptions;  // while it does not run; zero but for `resume_with_state`
};

struct alignas(64) control_block final : suspended_fiber, waiting_fiber, fiber_core {
  control_block() noexcept;
  // Before a runtime uses the block, which may have been returned to zero meanwhile. Leaves the words alone that stale
  // references may be reading: zero is what they hold for an ended fiber.
  void fit_out(block_slab& in, fibers& runtime) noexcept;

  control_block* older = nullptr;  // among the children of `parent`, under its lock
  control_block* younger = nullptr;
  control_block* next_cancelled = nullptr;  // the canceller's list; it holds `end`'s lock
  block_slab* slab = nullptr;
  fibers* of = nullptr;
  std::size_t last_transferred = 0;
  int in_flight_beneath = 0;        // in the body of a generator: exceptions of those who pull
  unsigned hooks_disabled = 0;      // how many of its own scopes want libc's calls to block
  unsigned calls_without_wait = 0;  // of libc's, in a row
  std::exception_ptr error;
  std::atomic<std::int64_t> waits_until{deadline::limit};  // beside `waits_for`
  wait_node place;        // of a wait with one node; while it is linked, whoever holds that queue's lock may touch it
  char label[32] = {};    // its name, or ""
  context_place context;  // what these two hold is dropped when it ends: `has_belongings`
  local_values* locals = nullptr;
  // --- touched by every fiber: the end of `base`, the stack, a small body, one line together ---
  alignas(64) [[no_unique_address]] cancel_scope base;  // of the whole fiber
  bool has_belongings = false;                          // in the padding of `base`
  stack* ground = nullptr;

  // Before it starts, by its creator.
  void inherit(const context_place& from) noexcept {
    context.inherit(from);
    has_belongings = context.values != nullptr;
  }
  // The running fiber; or in its place, when it did not come to run.
  void drop_belongings() noexcept;

  alignas(std::max_align_t) std::byte room[room_size];
};

static_assert(!std::is_empty_v<sanitizer_state> || sizeof(suspended_fiber) + sizeof(claim) <= 64);

inline control_block& block_of(fiber_core& core) noexcept { return static_cast<control_block&>(core); }
inline control_block& block_of(waiter& w) noexcept { return static_cast<control_block&>(w); }
inline control_block& block_of(runnable& r) noexcept { return static_cast<control_block&>(r); }

}  // namespace weft::detail
