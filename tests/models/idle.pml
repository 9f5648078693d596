/* SPDX-License-Identifier: BSL-1.0
 * The idle protocol (src/run/idle.hpp): three workers and three items, none of which ever ends: two come from outside,
 * at any time, the third from the worker that runs the first. Proved: each item finds a worker of its own, so no worker
 * sleeps while there is work; and at most one wake-up is in flight. Work that is lost leaves a worker asleep for ever.
 * How an item is taken is the deque's affair: here it is one step, and all deques are one number.
 *
 * LIMIT          how many may search by their own decision.
 * Guards to remove:
 * NO_RECHECK     a worker announces itself and sleeps without looking again.
 * LATE_ANNOUNCE  it looks again, then announces itself.
 * EARLY_ASK      a publisher asks who sleeps, then publishes.
 * NO_DUTY        the last searcher that found something wakes nobody.
 * NO_SEARCH      a sleeper whose re-check saw work takes it without having become a searcher.
 * NO_ROLE        a woken worker does not know that it is a searcher.
 */
#ifndef LIMIT
#define LIMIT 1
#endif
#define WORKERS 3

byte items = 0;
byte sleepers = 0, searchers = 0; /* the word */
bool listed[WORKERS];             /* the list behind it, under the lock */
bool event[WORKERS];              /* the eventfds */
byte in_flight = 0;
bool published_inside = false;

/* Two looks at the word in one: none to wake, or the chosen one (any of them; the code takes the warmest). */
inline worker_to_wake(w) {
  if
  :: atomic { sleepers == 0 || searchers > 0 -> skip }
  :: atomic {
      sleepers > 0 && searchers == 0 ->
      sleepers--;
      searchers++;
      if
      :: listed[0] -> w = 0
      :: listed[1] -> w = 1
      :: listed[2] -> w = 2
      fi;
      listed[w] = false;
      in_flight++;
      assert(in_flight == 1)
    };
    event[w] = true
  fi
}

/* [idle-1] */
inline publish(w) {
#ifdef EARLY_ASK
  worker_to_wake(w);
  items++
#else
  items++;
  worker_to_wake(w)
#endif
}

active [2] proctype outside() {
  byte w;
  publish(w)
}

proctype worker(byte me) {
  bool searching = false, direct = false, last = false;
  byte w;
again:
  /* [idle-2] */
  if
  :: searching || direct
  :: atomic { !(searching || direct) && searchers < LIMIT -> searchers++; searching = true }
  :: atomic { !(searching || direct) && searchers >= LIMIT -> goto sleep }
  fi;
  if
  :: atomic { items > 0 -> items-- }
  :: atomic { items == 0 -> direct = false; goto sleep }
  fi;
  /* [idle-4] */
  if
  :: searching ->
    atomic { last = (searchers == 1); searchers-- };
#ifndef NO_DUTY
    if
    :: atomic { last && items > 0 -> skip }; worker_to_wake(w)
    :: atomic { !last || items == 0 -> skip }
    fi
#endif
  :: else
  fi;
  /* It runs, and never comes back. */
  if
  :: atomic { !published_inside -> published_inside = true }; publish(w)
  :: atomic { published_inside -> skip }
  fi;
  goto done;
sleep:
#ifdef LATE_ANNOUNCE
  if
  :: atomic { items > 0 -> goto again }
  :: atomic { items == 0 -> skip }
  fi;
#endif
  /* [idle-3] */
  atomic {
    sleepers++;
    listed[me] = true;
    searchers = searchers - searching;
    searching = false
  };
#if !defined(NO_RECHECK) && !defined(LATE_ANNOUNCE)
  if
  :: atomic { items > 0 -> skip };
    atomic {
      if
      :: listed[me] ->
        listed[me] = false;
        sleepers--;
#ifdef NO_SEARCH
        direct = true
#else
        searchers++;
        searching = true
#endif
      :: else -> in_flight--; searching = true
      fi
    };
    goto again
  :: atomic { items == 0 -> skip }
  fi;
#endif
  event[me];
  event[me] = false;
  /* [idle-5] The event of a wake-up that found it awake comes late: then it leaves by itself. */
  atomic {
    if
    :: listed[me] -> listed[me] = false; sleepers--
    :: else ->
      in_flight--;
#ifndef NO_ROLE
      searching = true
#endif
    fi
  };
  goto again;
done:
  skip
}

init {
  atomic { run worker(0); run worker(1); run worker(2) }
}
