// SPDX-License-Identifier: BSL-1.0
// Waiting for several ends together: fibers' and futures'. One claim, a node at each.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <weft/base/deadline.hpp>
#include <weft/detail/run/completion.hpp>
#include <weft/detail/stackless/operation.hpp>
#include <weft/detail/sync/future_core.hpp>

namespace weft::detail {

// One of those that are waited for, with the waiter's node there. It stays where it is while somebody waits.
class contender {
 public:
  contender() noexcept = default;
  void stands_for(future_core& what) noexcept { future_ = &what; }
  void stands_for(completion& what) noexcept { fiber_ = &what; }

  [[nodiscard]] bool has_ended() const noexcept { return future_ ? future_->is_ready() : fiber_->has_ended(); }
  [[nodiscard]] bool is(const completion* end) const noexcept { return fiber_ && fiber_ == end; }
  // As with `completion`: the node is that waiter's, and shown if this has not ended.
  [[nodiscard]] completion::shown show(waiter& who, claim::ticket ticket) noexcept;
  // Afterwards nobody reads the node.
  void withdraw() noexcept;

 private:
  future_core* future_ = nullptr;
  completion* fiber_ = nullptr;
  wait_node node_;
};

// Whether the first that ends is waited for, or all.
enum class how_many : bool { any, all };

// What follows throws invalid_argument if somebody else is joining one of the fibers, resource_deadlock_would_occur for
// the caller itself; and bad_alloc on a thread's very first wait.

// A cancellation point; parks. The index of one that has ended, the last one for `all`; nothing: not by then.
[[nodiscard]] std::optional<std::size_t> wait_for_several(std::span<contender> these, how_many wanted, deadline until);

// The same as a co_await, for tasks.
class several_operation : public operation {
 protected:
  several_operation(std::span<contender> these, how_many wanted, deadline until) noexcept
      : operation(&proceed), these_(these), until_(until), wanted_(wanted) {}
  [[nodiscard]] std::optional<std::size_t> result() const;

 private:
  enum class phase : std::uint8_t { fresh, yielded, waiting, forgone };
  enum class course : std::uint8_t { on, decided, suspended };

  static bool proceed(operation& self) noexcept { return static_cast<several_operation&>(self).advance(); }
  [[nodiscard]] bool advance() noexcept;
  [[nodiscard]] course look() noexcept;
  [[nodiscard]] course wait() noexcept;

  const std::span<contender> these_;
  const deadline until_;
  task_wait wait_;
  std::size_t next_ = 0;  // those before it have ended, if all are waited for
  std::optional<std::size_t> found_;
  const how_many wanted_;
  phase phase_ = phase::fresh;
  bool cancelled_ = false;
  bool refused_ = false;
};

}  // namespace weft::detail
