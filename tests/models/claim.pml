/* SPDX-License-Identifier: BSL-1.0
 * The claim of a waiter (include/weft/detail/run/claim.hpp): an owner waits three times, the second time deaf to
 * cancellation; two wakers, each with the tickets of all these waits for as long as it likes, a timer, one canceller.
 * Proved: each wait is won and unparked exactly once, and only by its own ticket; a cancellation ends the cancellable
 * wait it meets, or refuses the next one, stays pending, and never ends a deaf wait.
 *
 * Guards to remove:
 * NO_GENERATION  `win` does not compare the generation.
 * SPLIT_WIN      `win` looks at the word, then stores.
 * NO_PENDING     `arm` does not look at the pending bit.
 * SPLIT_ARM      `arm` looks at the pending bit, then stores.
 * MUTE_CANCEL    `cancel` sets the bit and leaves an armed wait.
 * ROUGH_CANCEL   `cancel` ends a deaf wait too.
 */
#define IDLE 0
#define ARMED 1
#define DEAF 2
#define WON 3
#define WOKEN 1
#define CANCELLED 2

/* The word. */
byte generation = 0;
byte state = IDLE;
byte why = 0;
bool pending = false;

byte ticket[4];    /* of each wait, zero while there is none: what its nodes carry */
byte winners[4];   /* by generation */
byte unparks[4];   /* by generation */
bool over = false;

#define WINNABLE (state == ARMED || state == DEAF)
#ifdef NO_GENERATION
#define MINE(g) WINNABLE
#else
#define MINE(g) (WINNABLE && generation == g)
#endif

inline decide(reason) {
  state = WON;
  why = reason;
  winners[generation]++;
  assert(winners[generation] == 1)
}

inline unpark(g) {
  atomic {
    unparks[g]++;
    assert(unparks[g] == 1)
  }
}

inline win(g) {
#ifdef SPLIT_WIN
  if
  :: atomic { MINE(g) -> skip };
    atomic { decide(WOKEN) };
    unpark(g)
  :: atomic { !MINE(g) -> skip }
  fi
#else
  if
  :: atomic { MINE(g) -> decide(WOKEN) };
    unpark(g)
  :: atomic { !MINE(g) -> skip }
  fi
#endif
}

inline begin(wait, how) {
  generation++;
  state = how;
  why = 0;
  ticket[wait] = generation
}

/* [claim-1] */
inline arm(wait) {
#ifdef SPLIT_ARM
  if
  :: atomic { pending -> skip }
  :: atomic { !pending -> skip };
    atomic { begin(wait, ARMED); pending = false }
  fi
#else
#ifdef NO_PENDING
  atomic { begin(wait, ARMED) }
#else
  if
  :: atomic { pending -> skip }
  :: atomic { !pending -> begin(wait, ARMED) }
  fi
#endif
#endif
}

/* [claim-4] */
inline park(wait) {
  if
  :: ticket[wait] ->
    (unparks[ticket[wait]] == 1);
    assert(state == WON && generation == ticket[wait] && (why == WOKEN || pending))
  :: else
  fi
}

active proctype owner() {
  arm(1);
  park(1);
  atomic { begin(2, DEAF) };
  park(2);
  assert(why == WOKEN);
  arm(3);
  park(3);
  over = true
}

active [2] proctype waker() {
  do
  :: ticket[1] -> win(ticket[1]); break
  :: break
  od;
  do
  :: ticket[2] -> win(ticket[2]); break
  :: break
  od;
  do
  :: ticket[3] -> win(ticket[3]); break
  :: break
  od
}

/* It comes in the end, so that no wait lasts for ever. */
active proctype timer() {
  if
  :: ticket[1] -> win(ticket[1])
  :: ticket[2] /* the first was refused */
  fi;
  ticket[2];
  win(ticket[2]);
  if
  :: ticket[3] -> win(ticket[3])
  :: over
  fi
}

active proctype canceller() {
  byte g = 0;
  atomic {
    pending = true;
    if
#ifndef MUTE_CANCEL
    :: state == ARMED -> g = generation; decide(CANCELLED)
#endif
#ifdef ROUGH_CANCEL
    :: state == DEAF -> g = generation; decide(CANCELLED)
#endif
    :: else
    fi
  };
  if
  :: g -> unpark(g)
  :: else
  fi;
  over;
  assert(pending)
}

/* A pending cancellation and a cancellable wait are never there together. */
active proctype monitor() {
end_never:
  atomic { pending && state == ARMED -> assert(false) }
}
