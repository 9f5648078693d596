// SPDX-License-Identifier: BSL-1.0
// What ThreadSanitizer must be told of a flow: it keeps a shadow call stack and a vector clock for each, a "fiber".
//
// A fiber is made when its flow is first switched to and destroyed by the flow that runs after it: TSan has room for
// about 8,000, and the running one cannot be destroyed. Every switch orders what was before it before what is behind
// it, as it does in fact: two flows on one thread never run at once. So between `leave` and `arrive` no function may be
// entered or left, or the shadow call stacks of the two would mix: hence the forced inlining.
#pragma once

#include <sanitizer/tsan_interface.h>

#include <cstddef>

#include "context/first_call.hpp"

namespace weft::detail {

class sanitizer_state {
 public:
  static constexpr bool listens = true;

  first_call prepare(std::byte*, std::byte*, first_call call) noexcept {
    call_ = call;
    return {&begin, this};
  }

  [[gnu::always_inline]] void leave(sanitizer_state& to) noexcept {
    fiber_ = __tsan_get_current_fiber();
    if (to.fiber_ == nullptr) to.fiber_ = __tsan_create_fiber(0);
    to.left_ = this;
    __tsan_switch_to_fiber(to.fiber_, 0);
  }

  [[gnu::always_inline]] void leave_finished(sanitizer_state& to) noexcept {
    finished_ = true;
    leave(to);
  }

  [[gnu::always_inline]] void arrive() noexcept {
    if (left_->finished_) left_->destroy();
  }

  void take_over(sanitizer_state& ending, const std::byte*, const std::byte*) noexcept {
    ending.fiber_ = nullptr;  // `leave` and `renew` ask for it
  }

  [[gnu::always_inline]] void renew(sanitizer_state& fresh) noexcept {
    fiber_ = __tsan_get_current_fiber();
    fresh.fiber_ = __tsan_create_fiber(0);
    __tsan_switch_to_fiber(fresh.fiber_, 0);
    destroy();
  }

 private:
  static void begin(void* self) noexcept {
    auto& state = *static_cast<sanitizer_state*>(self);
    state.arrive();
    state.call_.function(state.call_.argument);
  }

  void destroy() noexcept {
    __tsan_destroy_fiber(fiber_);
    fiber_ = nullptr;
    finished_ = false;
  }

  void* fiber_ = nullptr;
  sanitizer_state* left_ = nullptr;  // from where the last switch to this flow came
  bool finished_ = false;
  first_call call_{};
};

}  // namespace weft::detail
