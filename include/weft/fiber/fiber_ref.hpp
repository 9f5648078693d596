// SPDX-License-Identifier: BSL-1.0
// A reference to a fiber that does not own it, and stays valid (and says "done") when the fiber is long gone.
#pragma once

#include <string>
#include <weft/fiber/fiber_id.hpp>

namespace weft {

namespace detail {
struct fiber_core;
}

class fiber_ref {
 public:
  fiber_ref() = default;
  fiber_ref(detail::fiber_core* core, fiber_id id) noexcept : core_(core), id_(id) {}

  [[nodiscard]] fiber_id id() const noexcept { return id_; }
  // A copy, since the fiber may end at any time. Empty once it has, and when it was given none. Any thread.
  [[nodiscard]] std::string name() const;
  // Any thread.
  [[nodiscard]] bool done() const noexcept;
  // Asks it to end: its cancellation points throw `cancelled` from now on. Any thread; does not wait. Nothing happens
  // when it is done.
  void cancel() const noexcept;

 private:
  detail::fiber_core* core_ = nullptr;
  fiber_id id_;
};

}  // namespace weft
