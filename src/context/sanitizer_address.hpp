// SPDX-License-Identifier: BSL-1.0
// What AddressSanitizer must be told of a flow: the bounds of its stack, and its fake stack (where it keeps locals to
// find uses after return), which is handed over at every switch and handed back at the last.
//
//  - The flow that leaves announces the bounds of the stack it goes to, and gets its fake stack to keep.
//  - The flow that arrives gives back its fake stack, and learns the bounds of the stack that was left. So a thread's
//    own bounds need not be asked for: the first flow that it switches to learns them.
//  - On its last switch a flow keeps no fake stack, so ASan frees it; and it unpoisons its stack whole, or the red
//    zones of frames that were left for ever would meet the next flow there.
#pragma once

#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>

#include <cstddef>

#include "context/first_call.hpp"

namespace weft::detail {

class sanitizer_state {
 public:
  static constexpr bool listens = true;

  first_call prepare(std::byte* low, std::byte* top, first_call call) noexcept {
    low_ = low;
    size_ = static_cast<std::size_t>(top - low);
    fake_stack_ = nullptr;
    call_ = call;
    return {&begin, this};
  }

  [[gnu::always_inline]] void leave(sanitizer_state& to) noexcept {
    to.left_ = this;
    __sanitizer_start_switch_fiber(&fake_stack_, to.low_, to.size_);
  }

  [[gnu::always_inline]] void leave_finished(sanitizer_state& to) noexcept {
    to.left_ = this;
    __asan_unpoison_memory_region(low_, size_);
    __sanitizer_start_switch_fiber(nullptr, to.low_, to.size_);
  }

  [[gnu::always_inline]] void arrive() noexcept {
    __sanitizer_finish_switch_fiber(fake_stack_, &left_->low_, &left_->size_);
  }

  void take_over(sanitizer_state&, const std::byte* low, const std::byte* top) noexcept {
    low_ = low;
    size_ = static_cast<std::size_t>(top - low);
  }

  [[gnu::always_inline]] void renew(sanitizer_state& fresh) noexcept {
    fresh.low_ = low_;
    fresh.size_ = size_;
    __asan_unpoison_memory_region(low_, size_);
  }

 private:
  static void begin(void* self) noexcept {
    auto& state = *static_cast<sanitizer_state*>(self);
    state.arrive();
    state.call_.function(state.call_.argument);
  }

  const void* low_ = nullptr;
  std::size_t size_ = 0;
  void* fake_stack_ = nullptr;
  sanitizer_state* left_ = nullptr;  // from where the last switch to this flow came
  first_call call_{};
};

}  // namespace weft::detail
