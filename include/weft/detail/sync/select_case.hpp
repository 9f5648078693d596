// SPDX-License-Identifier: BSL-1.0
// One case of a select, and the select over all of them.
//
// Protocol, on top of that of channel_core.hpp; the waiter has one claim and a node in each channel
//  [select-1] Each channel alone, in random order: the first case that can be carried out is. So most selects hold no
//             more than one lock, and who is ready is chosen fairly.
//  [select-2] Else all channels are locked, in the order of their addresses, each once, so that two selects never wait
//             for each other. All cases are tried again, in random order: nobody came between the looks, which makes
//             `otherwise` true, and a partner that waits is met rather than waited for.
//  [select-3] Else, under all these locks, the waiter arms and shows a node for each case; then it unlocks and parks. It
//             looked for partners before it showed itself, and others win its claim: so it never meets itself on a
//             channel that it both sends on and receives from, and of two selects that face each other the second finds
//             the first.
//  [select-4] Resumed, it unlinks all nodes, one lock at a time. At most one of them is `chosen`: that case has been
//             carried out, or its channel was closed. Everything else has not happened. In that channel the winner has
//             unlinked all of them: it may be gone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <weft/base/deadline.hpp>
#include <weft/detail/sync/channel_core.hpp>

namespace weft::detail {

// Made for one select and its full expression. A channel's cases also know how they are carried out.
class select_case : public channel_node {
 public:
  enum class kind : std::uint8_t { receive, send, timeout, otherwise };
  static constexpr std::size_t most = 64;

  select_case(kind what, channel_core* on, void* where, const void* source = nullptr, deadline until = never) noexcept
      : channel_node(where, what == kind::send), on_(on), source_(source), until_(until), kind_(what) {}

  [[nodiscard]] kind what() const noexcept { return kind_; }
  [[nodiscard]] deadline until() const noexcept { return until_; }
  [[nodiscard]] channel_core* on() const noexcept { return on_; }  // null: no channel's
  // Whether the other one sends the same object.
  [[nodiscard]] bool shares(const void* source) const noexcept { return source_ && source_ == source; }

  // Under the lock of its channel.
  [[nodiscard]] channel_core::answer attempt(waiter*& partner) noexcept {
    return kind_ == kind::send ? on_->offer(place, partner) : on_->accept(place, partner);
  }
  // `next_sibling`: in the ring of those for the same channel, null if there is no other.
  void show(waiter& whose, claim::ticket ticket, select_case* next_sibling) noexcept {
    who = &whose;
    generation = ticket;
    sibling = next_sibling;
    chosen = false;
    on_->add(*this);
  }
  void withdraw() noexcept { on_->remove(*this); }

 private:
  channel_core* const on_;
  const void* const source_;
  const deadline until_;
  const kind kind_;
};

using select_cases = std::span<select_case* const>;

// What a select came to: the index of the case, and whether its channel was closed instead.
struct selected {
  std::size_t index = none;
  bool closed = false;
  static constexpr std::size_t none = ~std::size_t(0);
};

// For fibers and plain threads. May park. Throws channel_closed for a case that sends, and `cancelled`.
[[nodiscard]] std::size_t select_one(select_cases cases);

}  // namespace weft::detail
