// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <weft/detail/run/claim.hpp>

#include "support/litmus.hpp"
#include "support/scale.hpp"

using namespace weft::detail;
using namespace weft::test;

TEST_CASE("a claim is won once per wait, and remembers why") {
  claim c;
  claim::ticket last = 0;
  for (outcome why : {outcome::woken, outcome::deadline, outcome::cancelled, outcome::closed}) {
    const auto t = c.arm();
    CHECK(t > last);
    CHECK(c.result(t) == outcome::none);
    CHECK(c.win(t, why));
    CHECK(!c.win(t, outcome::woken));
    CHECK(c.result(t) == why);
    if (last) CHECK(c.result(last) == outcome::none);
    last = t;
  }
}

TEST_CASE("nobody wins a claim that was never armed, nor with the ticket of an older wait") {
  claim c;
  CHECK(!c.win(0, outcome::woken));
  const auto old = c.arm();
  CHECK(c.win(old, outcome::deadline));
  const auto now = c.arm();
  CHECK(!c.win(old, outcome::woken));
  CHECK(c.result(now) == outcome::none);
  CHECK(c.win(now, outcome::woken));
}

TEST_CASE("an owner that need not wait after all wins its own claim") {
  claim c;
  const auto t = c.arm();
  CHECK(c.win(t, outcome::none));
  CHECK(!c.win(t, outcome::woken));
  CHECK(c.result(t) == outcome::none);
  CHECK(c.arm() > t);
}

TEST_CASE("a cancellation claims a cancellable wait, with nobody else winning it") {
  claim c;
  const auto t = c.arm();
  CHECK(!c.pending());
  CHECK(c.cancel());
  CHECK(c.result(t) == outcome::cancelled);
  CHECK(!c.win(t, outcome::woken));
  CHECK(!c.cancel());  // again: nothing more to do
}

TEST_CASE(
    "a cancellation that comes before the wait, or after it was won, refuses every next one until it is cleared") {
  for (bool while_won : {false, true}) {
    claim c;
    const auto first = c.arm();
    CHECK(c.win(first, outcome::woken));
    if (!while_won) CHECK(c.arm_deaf() > first);
    CHECK(!c.cancel());
    CHECK(c.pending());
    if (while_won) CHECK(c.result(first) == outcome::woken);  // it happened, so it was not cancelled
    CHECK(c.arm() == 0);
    CHECK(c.arm() == 0);  // level-triggered
    c.clear_pending();
    CHECK(!c.pending());
    CHECK(c.arm() > first);
  }
}

TEST_CASE("a deaf wait is not ended by a cancellation, and keeps it for the next wait") {
  claim c;
  CHECK(!c.cancel());
  const auto t = c.arm_deaf();
  CHECK(t != 0);
  CHECK(c.pending());
  CHECK(!c.cancel());
  CHECK(c.result(t) == outcome::none);
  CHECK(c.win(t, outcome::woken));
  CHECK(c.result(t) == outcome::woken);
  CHECK(c.pending());
  CHECK(c.arm() == 0);
}

// Caught by this: `win` as a load and a store.
TEST_CASE("of two who win the same wait one does, and its outcome is the result") {
  claim c;
  claim::ticket tickets[2]{};
  bool won[2][2]{};
  std::atomic<int> next{0};
  CHECK(litmus(
            scaled(15'000),
            [&] {
              tickets[0] = c.arm();
              next.store(0, std::memory_order_relaxed);
            },
            [&] { return won[0][0] != won[0][1] && won[1][0] != won[1][1]; },
            [&](stagger& wait) {
              won[0][0] = c.win(tickets[0], outcome::woken);
              spin_until([&] { return c.result(tickets[0]) != outcome::none; });
              tickets[1] = c.arm();
              next.store(1, std::memory_order_release);
              wait();
              won[1][0] = c.win(tickets[1], outcome::closed);
            },
            [&](stagger&) {
              won[0][1] = c.win(tickets[0], outcome::deadline);
              spin_until([&] { return next.load(std::memory_order_acquire) == 1; });
              won[1][1] = c.win(tickets[1], outcome::deadline);
            }) == 0);
}

// Caught by this: a `win` that does not compare the generation. It ends a wait it knows nothing of.
TEST_CASE("a late winner with the ticket of an older wait loses, while its owner arms again") {
  claim c;
  claim::ticket old = 0, now = 0;
  bool late = false, real = false;
  CHECK(litmus(
            scaled(15'000), [&] { old = c.arm(); },
            [&] { return late == !real && c.result(now) == outcome::none && !c.win(old, outcome::woken); },
            [&](stagger& wait) {
              real = c.win(old, outcome::deadline);
              spin_until([&] { return c.result(old) != outcome::none; });  // maybe the late one was in time
              now = c.arm();
              wait();
            },
            [&](stagger& wait) {
              late = c.win(old, outcome::woken);
              wait();
              if (c.win(old, outcome::closed)) late = real;  // twice
            }) == 0);
}

// Caught by this: `arm` that looks at the pending bit and then stores, or `cancel` that sets it and leaves the wait.
// The owner's frame is plain, and the ticket goes round relaxed: TSan sees a claim that does not hand the frame over.
TEST_CASE("a cancellation racing with arm and win is never lost, and the wait has one winner") {
  struct wait_of {
    std::atomic<claim::ticket> ticket{0};
    int frame = 0;
  };
  claim c;
  std::array<wait_of, 2> waits;
  std::atomic<bool> over{false};
  bool cancel_won = false, frames_seen = true;
  int refused = 0, cancelled = 0, woken = 0, wakes = 0;
  CHECK(litmus(
            scaled(15'000),
            [&] {
              c.clear_pending();
              for (wait_of& w : waits) {
                w.ticket.store(0, std::memory_order_relaxed);
                w.frame = 0;
              }
              over.store(false, std::memory_order_relaxed);
              refused = cancelled = woken = wakes = 0;
            },
            [&] {
              // The cancellation refused one of the two waits, or ended one, or came after the second was woken.
              return c.pending() && woken == wakes && cancelled == int(cancel_won) && frames_seen &&
                     woken + cancelled + refused == (woken == 2 ? 2 : woken + 1);
            },
            [&](stagger& wait) {  // the owner
              for (wait_of& w : waits) {
                w.frame = 1;
                const auto ticket = c.arm();
                if (!ticket) {
                  ++refused;
                  break;
                }
                w.ticket.store(ticket, std::memory_order_relaxed);
                outcome why;
                spin_until([&] { return (why = c.result(ticket)) != outcome::none; });
                ++(why == outcome::cancelled ? cancelled : woken);
                if (why == outcome::cancelled) break;
                wait();
              }
              over.store(true, std::memory_order_relaxed);
            },
            [&](stagger& wait) {  // the waker
              for (wait_of& w : waits) {
                claim::ticket ticket;
                spin_until([&] {
                  return (ticket = w.ticket.load(std::memory_order_relaxed)) || over.load(std::memory_order_relaxed);
                });
                wait();
                if (!ticket || !c.win(ticket, outcome::woken)) return;
                frames_seen = frames_seen && w.frame == 1;
                ++wakes;
              }
            },
            [&](stagger& wait) {  // the canceller
              wait();
              cancel_won = c.cancel();
              wait();
              if (c.cancel()) cancel_won = false;  // only the first can win
            }) == 0);
}
