// SPDX-License-Identifier: BSL-1.0
// What the promises of generators have in common: who yields, what was sent or raised, and the chain of delegation.
//
// Invariants
//  - A chain of generators that delegate to one another has one `root`, which is what the puller holds; `innermost` of
//    the root is the one that yields. A pull resumes that one and nobody else, so its price does not grow with the chain.
//  - `yielded`, `sent` and `raised` count in the root only. `closing` is set in those that delegate while the chain is
//    closed: what they delegate to is closed first, and then they. Whatever they delegate to later is not concerned.
//
// A delegation goes back to the puller's loop instead of by symmetric transfer: g++ makes that a tail call only from -O2
// on, and a generator that delegates to a million empty ones in one pull would need a million frames below it.
#pragma once

#include <coroutine>
#include <cstdint>
#include <exception>
#include <utility>
#include <weft/detail/stackless/frame.hpp>

namespace weft::stackless {

// Thrown by the co_yield in which a generator stands when it is closed. Not a std::exception, so that
// `catch (const std::exception&)` lets it pass.
struct generator_exit {};

}  // namespace weft::stackless

namespace weft::detail {

struct generator_core : promise_in_frame {
  enum class state : std::uint8_t { created, suspended, running, ended };

  generator_core() noexcept = default;
  generator_core(const generator_core&) = delete;
  generator_core& operator=(const generator_core&) = delete;

  // Runs the body up to its next co_yield, or to its end. Throws resource_deadlock_would_occur when it runs already, and
  // what left the body.
  void pull();
  // The same, and the co_yield in which it stands throws `error`.
  void raise(std::exception_ptr what);
  // What `send` may be called on: not a fresh one.
  void require_begun() const;
  void close();

  // --- The delegating generator ---
  // False: the other one has ended. Throws when it runs or is delegated to already.
  [[nodiscard]] bool can_delegate_to(const generator_core& to) const;
  // `keeps`: the other one goes with this one.
  void delegate_to(generator_core& to, bool keeps) noexcept;
  // The other one has ended: throws what left it, and again what closes the chain.
  void after_delegation(generator_core& to);
  // Whatever became of it: it is its owner's again.
  void leave_delegation(generator_core& to) noexcept;

  // Before the frame goes: destroys those below that are kept by who delegates to them, one after the other, innermost
  // first; somebody else's and what that delegates to stay.
  void drop_chain() noexcept;

  // --- The generator in which the body is ---
  void hand_out(void* what) const noexcept { root->yielded = what; }
  void rethrow_raised() const {
    if (root->raised) [[unlikely]]
      std::rethrow_exception(std::exchange(root->raised, nullptr));
  }
  void end() noexcept;

  std::coroutine_handle<> frame;
  generator_core* root = this;
  generator_core* innermost = this;
  generator_core* delegator = nullptr;
  std::exception_ptr error;  // what left the body
  state now = state::created;

  void* yielded = nullptr;  // what was yielded, in the frame of `innermost`
  void* sent = nullptr;
  std::exception_ptr raised;
  bool closing = false;
  bool kept = false;       // while it is delegated to: by who does
  bool lost_kept = false;  // what it delegates to was destroyed before

 private:
  void require_idle() const;
  void run();
  void note_closing(bool is_closing) noexcept;
};

// The copy of what a co_yield is given as a constant.
template <class Out> class copy_holder {
 public:
  explicit copy_holder(const Out& value) : value_(value) {}

 protected:
  Out value_;
};

// What raise() comes to where there is no co_yield to throw it.
[[noreturn]] void raise_in_nothing(std::exception_ptr what);
[[noreturn]] void throw_no_generator_result();

}  // namespace weft::detail
