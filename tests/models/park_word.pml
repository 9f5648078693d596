/* SPDX-License-Identifier: BSL-1.0
 * The park word of a movable fiber (src/run/park_word.hpp): a fiber that two workers may resume, and two wakers with
 * news for it. Proved: it is never resumed while its stack is in use, lies in one queue at most, and sees all news: it
 * ends only then, so a lost unpark is a run that cannot go on.
 *
 * Guards to remove:
 * NO_COMMIT     the park does not look whether a notification came.
 * EARLY_COMMIT  the word says parked before the registers are saved.
 * PLAIN_RESUME  the resume consumes with a plain store, which the read of the news overtakes.
 * LOST_EARLY    an unpark that finds the fiber running leaves no notification.
 */
#define RUNNING 0
#define NOTIFIED 1
#define PARKED 2

byte word = NOTIFIED;
byte news = 0;        /* a bit of each waker */
byte seen = 0;        /* the fiber's own */
bool saved = true;    /* its registers are in its context and nobody is on its stack */
byte queued = 1;      /* it lies in a queue: at first as a fresh one */
bool finished = false;

inline enqueue() {
  atomic {
    queued++;
    assert(queued == 1)
  }
}

active [2] proctype worker() {
  byte look;
again:
  if
  :: atomic { queued > 0 -> queued-- }
  :: finished -> goto done
  fi;
  assert(saved);
  saved = false;
  /* [park-4] */
#ifdef PLAIN_RESUME
  look = news;
  word = RUNNING;
#else
  word = RUNNING;
  look = news;
#endif
  seen = look;
  if
  :: seen == 3 -> finished = true; goto done
  :: else
  fi;
  /* [park-1] It switches away. [park-2] The other side of the switch commits. */
#ifndef EARLY_COMMIT
  saved = true;
#endif
#ifdef NO_COMMIT
  word = PARKED;
#else
  if
  :: atomic { word == RUNNING -> word = PARKED };
#ifdef EARLY_COMMIT
    saved = true
#endif
  :: atomic { word == NOTIFIED -> skip };
#ifdef EARLY_COMMIT
    saved = true;
#endif
    enqueue()
  fi;
#endif
  goto again;
done:
  skip
}

proctype waker(byte mark) {
  byte old;
  atomic { news = news | mark };
#ifdef LOST_EARLY
  atomic {
    old = word;
    if
    :: old == PARKED -> word = NOTIFIED
    :: else
    fi
  };
#else
  atomic { old = word; word = NOTIFIED };
#endif
  if
  :: old == PARKED -> enqueue() /* [park-3] */
  :: else
  fi
}

init {
  atomic { run waker(1); run waker(2) }
}
