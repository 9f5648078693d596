// SPDX-License-Identifier: BSL-1.0
// A context is a flow of control that is not running: where it continues, and on which stack. The switch leaves one
// and continues another.
//
// Invariants
//  - A context that somebody switches to is prepared or suspended, and nobody else switches to it. The running flow's
//    context holds nothing of worth until it leaves.
//  - Both contexts of a switch live until the flow that goes on has come out of it.
//  - A flow is resumed by the thread that it left, unless it can do without everything that is the thread's.
//
// What a switch keeps: everything that the ABI promises across a call, but for the floating-point control state (the
// x87 control word and MXCSR, FPCR, fcsr: rounding, traps, flushing of denormals). With the assembly that belongs to
// the thread: a flow that changes it changes it for all that run there. Boost.Context keeps one for each flow on x86-64,
// where a fresh one starts with what was set when it was prepared. What holds with both and may be relied upon: a flow
// that puts it back before it switches away, or never touches it, disturbs nobody, and finds it as its thread has it.
// (Saving and loading it costs 6 ns on Zen 4; the switch without it costs 1.1.)
//
// Walkers of the stack (gdb, perf, `backtrace`, exceptions) end at the frame that called the entry function.
//
// The header beneath is chosen by meson's option `context`, the sanitizer's by `b_sanitize`.
#pragma once

#include <cstddef>
#include <weft/detail/context/crossing.hpp>

#include WEFT_SWITCH_HEADER
#include WEFT_SANITIZER_HEADER

namespace weft::detail {

class context;
void switch_context(context& from, context& to) noexcept;
[[noreturn]] void switch_from_finished(context& from, context& to) noexcept;
void renew(context& finished, context& fresh) noexcept;

class context {
 public:
  using entry = void (*)(void* argument) noexcept;

  // Of the running flow: filled when it leaves.
  context() noexcept = default;
  context(const context&) = delete;
  context& operator=(const context&) = delete;

  // The next switch to this context calls `first(argument)` on the empty stack [low, top); `first` never returns.
  // `top` is a multiple of 16. Does not touch the stack.
  void prepare(std::byte* low, std::byte* top, entry first, void* argument) noexcept {
    const first_call call = sanitizer_.prepare(low, top, {first, argument});
    prepare_registers(registers_, low, top, call);
  }

  // The running flow, so far of `ending`, leaves by this context: `ending` may be gone before it does. It stands on the
  // stack [low, top), which `ending` need not know: it may have left another one last, a generator's.
  void take_over(context& ending, const std::byte* low, const std::byte* top) noexcept {
    sanitizer_.take_over(ending.sanitizer_, low, top);
  }

  // For a flow that leaves, or is continued, by `exchange_registers` in code of the program: null where only this library
  // can switch, since the backend is another one or a sanitizer wants to know.
  [[nodiscard]] registers* words() noexcept { return sanitizer_state::listens ? nullptr : words_of(registers_); }

  // Of a prepared or suspended flow: where its stack will be touched first. For prefetching.
  [[nodiscard]] const void* stack_pointer() const noexcept { return registers_.stack; }

 private:
  friend void switch_context(context&, context&) noexcept;
  friend void switch_from_finished(context&, context&) noexcept;
  friend void renew(context&, context&) noexcept;

  flow_registers registers_;
  [[no_unique_address]] sanitizer_state sanitizer_;
};

// Keeps the running flow in `from` and continues `to`; returns when somebody switches to `from`.
[[gnu::always_inline]] inline void switch_context(context& from, context& to) noexcept {
  from.sanitizer_.leave(to.sanitizer_);
  exchange_flows(from.registers_, to.registers_);
  from.sanitizer_.arrive();
}

// The same by whoever called, where that can be; the caller passes it on.
[[nodiscard, gnu::always_inline]] inline crossing cross_over(context& from, context& to) noexcept {
  if (registers* const here = from.words()) return {here, to.words()};
  switch_context(from, to);
  return {};
}

// Continues `to` and never comes back: from the arrival on, the stack of the running flow is anybody's.
[[gnu::always_inline]] inline void switch_from_finished(context& from, context& to) noexcept {
  from.sanitizer_.leave_finished(to.sanitizer_);
  exchange_flows(from.registers_, to.registers_);
  __builtin_unreachable();
}

// The running flow `finished` has ended and goes on as `fresh` upon the same stack, without a switch; `fresh` needs no
// `prepare`. Call it from the function at the root of the stack, which never returns. Nothing but news for sanitizers.
[[gnu::always_inline]] inline void renew(context& finished, context& fresh) noexcept {
  finished.sanitizer_.renew(fresh.sanitizer_);
}

}  // namespace weft::detail
