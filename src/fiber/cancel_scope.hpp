// SPDX-License-Identifier: BSL-1.0
// Cancel scopes: the nested regions of a fiber that can be cancelled, and the home of the cancellation protocol.
//
// Invariants
//  - The scopes of a fiber form a chain from `control_block::innermost` outwards to its `base`; only the fiber changes
//    the chain, and only while it holds the lock of its completion word. So a canceller that holds it walks a chain
//    that stands still, and the fiber does not end.
//  - A request is visible from the innermost scope unless a barrier lies between. Barriers are shields, and scopes that
//    were entered while more exceptions were in flight than in the one around them: clean-up during unwinding is not
//    interrupted from outside, but what it opens itself can be cut short.
//  - The claim's pending bit is set exactly while a visible scope is requested; it changes under the same lock.
//
// Protocol
//  [cancel-1] A canceller locks the fiber, marks the scope, and, if that is visible, sets the pending bit, which claims
//             a cancellable wait.
//  [cancel-2] It goes on to the children of every visible scope inside, fiber by fiber. A child is locked before its
//             parent's list is let go and stays locked until its own children are listed, so none ends under it. Locks
//             are taken down the tree only, and one canceller wins a subtree (`requested`): no two wait for each other.
//  [cancel-3] The fiber, at a cancellation point, finds the pending bit and throws `cancelled`, unless more exceptions
//             are in flight than when its innermost scope was entered. It does so again at every later point until the
//             scope is left: level-triggered.
#pragma once

#include <atomic>
#include <cstdint>
#include <weft/base/deadline.hpp>
#include <weft/detail/run/timer_node.hpp>
#include <weft/detail/run/waiter.hpp>

namespace weft::detail {

class timers;
struct control_block;
struct stackful_generator;
struct scope_core;

struct cancel_scope : timer_node {
  cancel_scope() noexcept;
  // What a control block's own scope must hold if its memory was returned to zero.
  void become_base_of(control_block& fiber) noexcept;

  int in_flight = 0;             // `exceptions_in_flight` on entry
  std::uint32_t deliveries = 0;  // how often `cancelled` was thrown for it
  control_block* owner = nullptr;
  cancel_scope* outer = nullptr;
  scope_core* children = nullptr;         // of a with_scope
  stackful_generator* in_body = nullptr;  // of the generator whose body has opened it
  // What every fiber looks at in its own, together.
  timers* armed_on = nullptr;                // where the deadline waits
  std::int64_t effective = deadline::limit;  // the earliest deadline of this and the outer ones
  std::atomic<bool> requested{false};
  bool barrier = false;  // outer requests and deadlines do not count inside
  bool expired = false;  // requested by its own deadline; written before `requested`
};

// Any thread. [cancel-1] [cancel-2] What was woken goes to the list, or is unparked before it returns.
void request(cancel_scope& scope, wake_list& woken) noexcept;
void request(cancel_scope& scope) noexcept;
// The same for fibers whose `base` the caller has marked, linked by `next_cancelled`, each locked.
void request_all(control_block* list, wake_list& woken) noexcept;

// The daemons of a with_scope, those that will be spawned from now on included.
void request_daemons(scope_core& of, wake_list& woken) noexcept;

// The innermost requested scope that is visible from `innermost`, or null. For the fiber, and for whoever keeps it from
// leaving that scope.
[[nodiscard]] cancel_scope* requested_from(cancel_scope& innermost) noexcept;

// The running fiber. The outer scopes' deadline is tightened to `until`, by a timer if that is the earliest.
void enter(control_block& self, cancel_scope& scope, std::int64_t until, bool shielded) noexcept;
void leave(control_block& self, cancel_scope& scope) noexcept;
// A fiber that starts: its inherited deadline begins to run.
void arm_base(control_block& self) noexcept;
// The fiber in `scope`. Whether it was this scope that was requested, and no visible one around it.
[[nodiscard]] bool is_cut_short(const cancel_scope& scope) noexcept;

// The running fiber, [cancel-3]. Whether a cancellation point throws here.
[[nodiscard]] bool is_deliverable(const control_block& self) noexcept;
// Throws `cancelled`. The second and later time it yields first; after a thousand it says so on stderr, once.
[[noreturn]] void deliver(control_block& self);

}  // namespace weft::detail
