// SPDX-License-Identifier: BSL-1.0
// The part of a channel that its type does not change: a ring, the lines of senders and receivers, one lock. The home of
// the channel protocol; select.cpp goes by it, too.
//
// Invariants (under the lock)
//  - Who could be served does not wait: while a receiver waits whose claim can still be won, the ring is empty and no
//    such sender waits; while such a sender waits, the ring is full.
//  - Values leave in the order in which they came: the ring's first, then the senders' in their line.
//  - A node in a line is a `channel_node`. From the won claim to the unpark its place belongs to the winner. A waiter has
//    several in one channel if a select names that more than once.
//  - The item's moves run under the lock, so they neither throw nor wait.
//
// Protocol
//  [channel-1] Whoever comes takes the lock and looks at the other line first: it wins the claim of the first that still
//              waits, moves the value, notes in the node that this was the one, unlinks it and all others that this
//              waiter has here, unlocks, unparks. After the unlock neither of the two touches the channel, so either may
//              destroy it.
//  [channel-2] If nobody waits there the ring takes or gives the value. A receiver that makes room in it moves the first
//              sender's value in, behind all others.
//  [channel-3] Else, still under the lock, it arms and shows its node ([claim-1], [claim-2]); no partner can come between
//              the look and the node. A refused arm means cancelled: unlock first, then throw.
//  [channel-4] Resumed, it knows by the outcome: woken, the value has moved and the node is unlinked; closed, unlinked
//              and nothing moved; anything else, it unlinks the node under the lock, and nothing has happened.
//  [channel-5] `close` claims and empties both lines. What the ring holds can still be received.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <system_error>
#include <utility>
#include <weft/base/deadline.hpp>
#include <weft/detail/base/spin_lock.hpp>
#include <weft/detail/context/crossing.hpp>
#include <weft/detail/run/wait_queue.hpp>

namespace weft {

// Thrown by whoever sends on a channel that is closed, or that is closed while it waits. code() == std::errc::broken_pipe.
class channel_closed : public std::system_error {
 public:
  channel_closed()
      : std::system_error(std::make_error_code(std::errc::broken_pipe), "weft: send on a closed channel") {}
};

}  // namespace weft

namespace weft::detail {

struct channel_access;

// How the items of a channel are moved: `item` is the sender's, which stays an object; a `slot` is the ring's; `into` is
// the receiver's empty std::optional.
struct item_moves {
  std::size_t slot_size;
  std::size_t slot_alignment;
  void (*put)(void* slot, void* item) noexcept;
  void (*take)(void* into, void* slot) noexcept;  // the slot is no object afterwards
  void (*hand)(void* into, void* item) noexcept;
  void (*drop)(void* slot) noexcept;
};

struct channel_node : wait_node {
  channel_node(void* where, bool is_sender) noexcept : place(where), sends(is_sender) {}
  channel_node(waiter& whose, claim::ticket ticket, void* where, bool is_sender) noexcept
      : wait_node(whose, ticket), place(where), sends(is_sender) {}

  void* place;                      // the sender's item, or the receiver's optional
  channel_node* sibling = nullptr;  // the waiter's next one in the same channel, in a ring; null if it has only this
  const bool sends;                 // which line is its own
  bool chosen = false;              // its claim was won through this node; for waiters with several
};

// What who sends or receives waits for, in dumps.
[[nodiscard]] constexpr const char* name_of_channel_wait(bool sends) noexcept {
  return sends ? "room in a channel" : "a value from a channel";
}

class alignas(64) channel_core {
 public:
  // Throws invalid_argument for a capacity that was negative, and bad_alloc.
  channel_core(std::size_t capacity, const item_moves& how);
  channel_core(const channel_core&) = delete;
  channel_core& operator=(const channel_core&) = delete;
  // Aborts if somebody waits.
  ~channel_core();

  void lock() noexcept { lock_.lock(); }
  void unlock() noexcept { lock_.unlock(); }

  // --- Under the lock: the short ways of who knows the items. True: done, and the caller owes the partner, if there is
  // one, an unpark without the lock. False: nothing was done; it is one of the other cases ---

  template <class Item> [[nodiscard]] bool send_at_once(Item& what, waiter*& partner) noexcept {
    if (!receivers_.empty()) {
      const channel_node* const receiver = claim_first(receivers_);
      if (!receiver) return false;
      static_cast<std::optional<Item>*>(receiver->place)->emplace(std::move(what));
      partner = receiver->who;
      return true;
    }
    if (count_ == capacity_ || closed_) return false;
    std::construct_at(reinterpret_cast<Item*>(slots_ + tail_ * sizeof(Item)), std::move(what));
    filled();
    return true;
  }
  template <class Item> [[nodiscard]] bool receive_at_once(std::optional<Item>& into, waiter*& partner) noexcept {
    if (count_ == 0) {
      const channel_node* const sender = claim_first(senders_);
      if (!sender) return false;
      into.emplace(std::move(*static_cast<Item*>(sender->place)));
      partner = sender->who;
      return true;
    }
    if (!senders_.empty()) return false;
    Item* const oldest = std::launder(reinterpret_cast<Item*>(slots_ + head_ * sizeof(Item)));
    into.emplace(std::move(*oldest));
    std::destroy_at(oldest);
    emptied();
    return true;
  }

  // --- Under the lock: the steps of the protocol ---

  enum class answer : std::uint8_t { done, wait, closed };
  // [channel-1], [channel-2]. `done`: the caller owes the partner, if there is one, an unpark without the lock.
  [[nodiscard]] answer offer(void* item, waiter*& partner) noexcept;
  [[nodiscard]] answer accept(void* into, waiter*& partner) noexcept;
  // [channel-3]
  void add(channel_node& n) noexcept { line_of(n).push_back(n); }
  // [channel-4]. Nothing if the node is not linked.
  void remove(channel_node& n) noexcept { line_of(n).remove(n); }

  // --- Whole operations, for fibers and plain threads. They begin with the lock held and let it go. May park ---

  // False: not before `until`. Throws channel_closed and `cancelled`; then nothing was sent.
  [[nodiscard]] bool send_locked(void* item, deadline until) {
    if (!until.is_never()) return send_slowly(item, until);
    channel_node node(item, true);
    cross(begin_wait(node));
    return end_wait(node) || end_send(node);
  }
  // False: not before `until`, or closed and drained. Throws `cancelled`.
  bool receive_locked(void* into, deadline until) {
    if (!until.is_never()) return receive_slowly(into, until);
    channel_node node(into, false);
    cross(begin_wait(node));
    return end_wait(node) || end_receive(node);
  }
  // Never park.
  [[nodiscard]] bool try_send_locked(void* item);
  bool try_receive_locked(void* into) noexcept;

  // --- Any thread, without the lock ---

  void close() noexcept;
  [[nodiscard]] std::size_t size() noexcept;
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] bool is_closed() noexcept;
  // For tests: whether anybody is in a line.
  [[nodiscard]] bool is_waited_for() noexcept;

 private:
  // The usual wait, a fiber's without a deadline, with the switch in the program (`crossing`). It may be refused: then the
  // node has no waiter, and the lock is held as before.
  [[nodiscard]] crossing begin_wait(channel_node& node) noexcept;
  // Whether the value has moved. If not, the two below wait in another way, take the node back, or throw.
  [[nodiscard]] static bool end_wait(const channel_node& node) noexcept;
  [[nodiscard]] bool end_send(channel_node& node);
  bool end_receive(channel_node& node);
  // All other waits.
  [[nodiscard]] bool send_slowly(void* item, deadline until);
  bool receive_slowly(void* into, deadline until);

  [[nodiscard]] wait_queue& line_of(const channel_node& n) noexcept { return n.sends ? senders_ : receivers_; }
  // [channel-1] for the usual partner: the first of the line, if it still waits and has no other node here.
  [[nodiscard]] static channel_node* claim_first(wait_queue& line) noexcept {
    auto* const first = static_cast<channel_node*>(line.front());
    if (!first || first->sibling || !first->who->word.win(first->generation, outcome::woken)) return nullptr;
    line.remove(*first);
    first->chosen = true;
    return first;
  }
  [[nodiscard]] waiter* claim_partner(wait_queue& line, channel_node*& partner) noexcept;
  void filled() noexcept {
    ++count_;
    if (++tail_ == capacity_) tail_ = 0;
  }
  void emptied() noexcept {
    --count_;
    if (++head_ == capacity_) head_ = 0;
  }

  spin_lock lock_;
  bool closed_ = false;
  wait_queue senders_;
  wait_queue receivers_;
  std::size_t count_ = 0;  // items in the ring
  std::size_t head_ = 0;   // the oldest
  std::size_t tail_ = 0;   // the next free slot
  const std::size_t capacity_;
  std::byte* slots_ = nullptr;
  const item_moves& moves_;
};

}  // namespace weft::detail
