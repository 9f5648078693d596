// SPDX-License-Identifier: BSL-1.0
// What lies in a worker's timers: a point in time and what to do when it has come.
//
// Invariants
//  - A node belongs to whoever waits; `timers` only links it. From `insert` until it has fired or been cancelled, all
//    of it but `who` and `generation` belongs to the timers it was inserted in.
//  - A fire touches nothing that the end of the fire could free: `timers::cancel` waits for it.
#pragma once

#include <cstdint>
#include <weft/detail/run/waiter.hpp>

namespace weft::detail {

struct timer_node {
  // Runs on the worker that owns the timers, under no lock; may take locks, insert and cancel other timers, never park.
  using fire_function = void (*)(timer_node&, wake_list&) noexcept;

  explicit timer_node(fire_function what) noexcept : fire(what) {}
  timer_node(const timer_node&) = delete;
  timer_node& operator=(const timer_node&) = delete;

  std::int64_t at = 0;  // the steady clock's nanoseconds; not to be changed while queued
  fire_function fire;
  std::uint32_t index = nowhere;  // its place in the heap
  std::uint32_t sequence = 0;     // among equal times the first inserted fires first
  timer_node* next = nullptr;     // among those that the heap has no room for

  static constexpr std::uint32_t nowhere = 0xffff'ffff, crowded = nowhere - 1;
};

// Ends one wait with outcome::deadline.
struct wake_timer : timer_node {
  wake_timer() noexcept : timer_node(&end_wait) {}
  wake_timer(waiter& w, claim::ticket g, std::int64_t when) noexcept : timer_node(&end_wait), who(&w), generation(g) {
    at = when;
  }

  waiter* who = nullptr;
  claim::ticket generation = 0;

 private:
  static void end_wait(timer_node& node, wake_list& woken) noexcept {
    auto& self = static_cast<wake_timer&>(node);
    if (self.who->word.win(self.generation, outcome::deadline)) woken.push(*self.who);
  }
};

}  // namespace weft::detail
