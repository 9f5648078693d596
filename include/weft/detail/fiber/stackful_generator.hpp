// SPDX-License-Identifier: BSL-1.0
// A generator without its types: the two ends of its exchange, the puller's and the body's.
//
// Invariants
//  - A body runs only while somebody pulls, on a stack of its own, as part of whoever pulls: the same fiber, or the same
//    plain thread. What parks the fiber parks both.
//  - `item` points into the body's frames, `sent` into the sender's. Each is valid while the other side runs, because the
//    side that owns it stands still meanwhile.
//  - There is a frame, and a stack, from the first pull to the end of the body: never outside.
//
// No atomics: pulls come one after the other. Who hands a generator to another thread synchronises with it, as for any
// object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <source_location>
#include <utility>
#include <weft/detail/context/crossing.hpp>

namespace weft::detail {

struct generator_frame;

struct stackful_generator {
  // fresh: the body has not begun. suspended: it stands in a yield. running: somebody pulls. ended: there is no body.
  // With `special`: not what it takes to cross over quickly, see the other words.
  enum class state : std::uint8_t { fresh, suspended, running, ended, special = 0x80 };
  // What the yield in which the body stands does when it is resumed.
  enum class duty : std::uint8_t { go_on, raise, exit };
  // On the generator's own stack: runs the body, destroys it, keeps its result.
  using run_function = void (*)(stackful_generator&);
  // Destroys the body that never ran; destroys and frees the whole.
  using drop_function = void (*)(stackful_generator&) noexcept;

  stackful_generator(run_function r, drop_function b, drop_function a, std::source_location from) noexcept
      : run(r), drop_body(b), drop_all(a), where(from) {}
  stackful_generator(const stackful_generator&) = delete;
  stackful_generator& operator=(const stackful_generator&) = delete;

  static constexpr std::uint8_t usual = 0xff;  // as large as a fiber's when nobody says

  generator_frame* frame = nullptr;
  void* item = nullptr;  // what was yielded last; null when it has ended, or not begun
  void* sent = nullptr;  // what `send` gave, until the body has it; null: driven by next() or a loop
  state now = state::fresh;
  duty what = duty::go_on;
  std::uint8_t size_class = usual;  // of its stack
  std::uint16_t open_scopes = 0;    // of the body, which may not yield inside
  std::uint32_t swallowed = 0;      // how often the body went on yielding although it was told to exit
  std::exception_ptr error;         // to be raised in the body; or what left the body
  run_function run;
  drop_function drop_body;
  drop_function drop_all;
  std::source_location where;
};

// 0: the usual one. Throws invalid_argument for one that cannot be.
void set_stack_size(stackful_generator& core, std::size_t stack_size);

// Both sides are inlined, with the switch in them (`crossing`): a pull took 36 ns with both out of line, 7 with one, 5 with
// none, on a Xeon.

// --- The puller ---
// Before and after the body runs. `enter_body` throws resource_deadlock_would_occur when it runs already, and what the
// lack of a stack throws; `leave_ended` what left the body.
[[nodiscard]] crossing enter_body(stackful_generator& core);
void leave_ended(stackful_generator& core);

// Runs the body up to its next yield. The item, or null: it has ended. Throws what those two throw.
[[gnu::always_inline]] inline void* pull(stackful_generator& core) {
  cross(enter_body(core));
  if (!core.item) [[unlikely]]
    leave_ended(core);
  return core.item;
}
// The same with something for the yield in which the body stands: a value; or an exception, that comes out again when the
// body does not catch it.
void* pull_with(stackful_generator& core, void* sent);
void* pull_raising(stackful_generator* core, std::exception_ptr error);  // null: one that has ended
// Unwinds the body by `generator_exit`, or drops it if it has not begun. Throws like `pull`.
void close(stackful_generator& core);
// The same, then frees it all; ends in std::terminate if something but `cancelled` leaves the body.
void destroy(stackful_generator& core) noexcept;

// --- The body ---
// `leave_body` throws operation_not_permitted and `generator_exit`; `heed` what was raised.
[[nodiscard]] crossing leave_body(stackful_generator& core, void* item);
[[noreturn]] void heed(stackful_generator& core);

// Gives the item to the puller and waits for the next pull.
[[gnu::always_inline]] inline void hand_out(stackful_generator& core, void* item) {
  cross(leave_body(core, item));
  if (core.what != stackful_generator::duty::go_on) [[unlikely]]
    heed(core);
}
// All that `inner` yields, and to it all that is sent and raised, until it has ended. Throws what leaves it.
void delegate(stackful_generator& core, stackful_generator& inner);

[[noreturn]] void throw_no_result();

}  // namespace weft::detail
