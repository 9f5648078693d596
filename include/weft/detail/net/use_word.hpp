// SPDX-License-Identifier: BSL-1.0
// Who uses a socket now, and whether it was closed: one word that keeps an fd's number from being reused under a user.
//
// Invariants
//  - An operation holds its side of the word from before its first system call until after its last.
//  - Once closed, nobody enters; so the number of users, the closer among them, falls to zero exactly once, and whoever
//    brings it there closes the fd.
//
// Protocol
//  [use-1] An operation enters its side, tries, waits, tries again, leaves.
//  [use-2] `close` sets the bit and makes the closer a user, who wakes all waiters of both sides, then leaves. A waiter
//          that shows itself too late to be woken finds the bit set, because both take the lock of the place where
//          waiters show themselves. Were the closer no user, the fd's number might have a new owner when it wakes.
//  [use-3] The last to leave a closed word owes the close(2).
//  [use-4] Who was woken by a close may end the object at once, or give it another socket. Both begin with a `close`, which
//          waits until the first closer has left; that one touches nothing of the object afterwards.
#pragma once

#include <atomic>
#include <cstdint>

namespace weft::detail {

enum class io_side : std::uint8_t { read, write };

class use_word {
 public:
  enum class entry { granted, busy, closed };

  // Any thread. One user of this side at a time.
  [[nodiscard]] entry enter_alone(io_side side) noexcept {
    auto old = word_.load(std::memory_order_relaxed);  // the exchange decides
    do {
      if (old & closed_bit) return entry::closed;
      if (old & mask(side)) return entry::busy;
      // acquire pairs with the release in `leave`: what the last user of this side wrote is seen.
    } while (!word_.compare_exchange_weak(old, old + unit(side), std::memory_order_acquire, std::memory_order_relaxed));
    return entry::granted;
  }

  // Any thread. Any number of users.
  [[nodiscard]] entry enter(io_side side) noexcept { return add(unit(side)); }
  // Any thread. For questions and options, which disturb nobody.
  [[nodiscard]] entry enter_as_guest() noexcept { return add(guest_unit); }

  // True: it was closed and the caller was its last user, who owes the close(2) [use-3].
  [[nodiscard]] bool leave(io_side side) noexcept { return subtract(unit(side)); }
  [[nodiscard]] bool leave_as_guest() noexcept { return subtract(guest_unit); }

  // Any thread. True for the one who closes it: it owes the waking of all waiters, then `leave_closing` [use-2].
  [[nodiscard]] bool close() noexcept {
    auto old = word_.load(std::memory_order_relaxed);  // the exchange decides
    do {
      if (old & closed_bit) return false;  // untouched: the first closer may have left already
      // release: `is_closed` sees what preceded it. acquire: what follows comes after what users did that have left.
    } while (!word_.compare_exchange_weak(old, old | closed_bit | closer_unit, std::memory_order_acq_rel,
                                          std::memory_order_relaxed));
    return true;
  }
  // As `leave`, for the closer.
  [[nodiscard]] bool leave_closing() noexcept { return subtract(closer_unit); }
  // [use-4] Any thread. Whether somebody who closes it has not left yet. acquire: pairs with `leave_closing`.
  [[nodiscard]] bool is_being_closed() const noexcept { return word_.load(std::memory_order_acquire) & closer_unit; }

  // Closes only if nobody is inside; false if somebody is, or it was closed.
  [[nodiscard]] bool close_unused() noexcept {
    auto old = word_.load(std::memory_order_relaxed);
    do {
      if (old & (closed_bit | users_mask)) return false;
    } while (!word_.compare_exchange_weak(old, old | closed_bit, std::memory_order_acq_rel, std::memory_order_relaxed));
    return true;
  }

  // acquire: a waiter that sees the bit [use-2] sees what preceded the close.
  [[nodiscard]] bool is_closed() const noexcept { return word_.load(std::memory_order_acquire) & closed_bit; }
  [[nodiscard]] bool is_used() const noexcept { return word_.load(std::memory_order_acquire) & users_mask; }

  // Owner only, nobody inside: for another socket.
  void reset() noexcept { word_.store(0, std::memory_order_relaxed); }  // handing the object on orders it

  // Somebody may have done to the fd what we do not know of; never unset.
  void expose() noexcept { word_.fetch_or(exposed_bit, std::memory_order_relaxed); }  // says nothing about other memory
  [[nodiscard]] bool is_exposed() const noexcept { return word_.load(std::memory_order_relaxed) & exposed_bit; }

 private:
  // bit 0 closed, 1 exposed, 2 the closer; users of the read side from bit 4, of the write side from 24, guests from 44
  using bits = std::uint64_t;
  static constexpr bits closed_bit = 1, exposed_bit = 2, closer_unit = 4, guest_unit = bits{1} << 44;
  static constexpr bits users_mask = ~bits{3};
  static constexpr bits unit(io_side side) noexcept { return bits{1} << (side == io_side::read ? 4 : 24); }
  static constexpr bits mask(io_side side) noexcept { return unit(side) * 0xfffff; }  // a million at once: no overflow

  entry add(bits as) noexcept {
    auto old = word_.load(std::memory_order_relaxed);  // the exchange decides
    do {
      if (old & closed_bit) return entry::closed;
      // acquire: as in `enter_alone`.
    } while (!word_.compare_exchange_weak(old, old + as, std::memory_order_acquire, std::memory_order_relaxed));
    return entry::granted;
  }

  bool subtract(bits whose) noexcept {
    // release: for the next user of this side, and for whoever closes. acquire: the one who closes comes after all.
    const auto now = word_.fetch_sub(whose, std::memory_order_acq_rel) - whose;
    return (now & closed_bit) && !(now & users_mask);
  }

  std::atomic<bits> word_{0};
};

}  // namespace weft::detail
