/* SPDX-License-Identifier: BSL-1.0
 * Direct joins (include/weft/detail/run/completion.hpp, [join-4] to [join-6]): a fiber joins two others, one after the
 * other, each in a scope of its own; the first of them may never end; somebody cancels once, at any time.
 * Proved: every park is unparked exactly once, a join goes on only because the fiber has ended or the scope was cancelled,
 * and a cancellation is never lost: one that comes while a fiber is joined that does not end ends that join, or else the
 * run cannot go on.
 *
 * Guards to remove:
 * UNLOCKED    the joiner leaves a scope, or a task takes its cancellation, without the lock of the cancellers.
 * NO_LOOK     the joiner does not look for a cancellation once it is shown.
 * EARLY_LOOK  it looks before it is shown.
 * LATE_JOINS  it says which fiber it joins only after it has looked.
 * NO_SEARCH   the canceller does not look for a join.
 * SPLIT_TAKE  the canceller takes the joiner out in two steps.
 * SPLIT_END   the ending fiber reads who joins, then ends.
 * NO_RECHECK  it does so to know its joiner, [task-5], and ends without another look.
 */
bool ended[3];     /* of the fibers 1 and 2 */
bool shown[3];     /* the joiner is in the word of that fiber */
byte joins = 0;    /* which fiber's word that is */
bool pending = false;
bool locked = false;  /* the joiner's scopes */
byte owed = 0;

inline unpark() {
  atomic {
    owed++;
    assert(owed == 1)
  }
}

inline leave_scope() {
#ifdef UNLOCKED
  pending = false
#else
  atomic { !locked -> pending = false }
#endif
}

inline look(i) {
  if
  :: pending ->
    if
    :: atomic { shown[i] -> shown[i] = false }; goto over
    :: atomic { !shown[i] -> skip }  /* somebody was faster, and owes an unpark */
    fi
  :: !pending
  fi
}

active proctype joiner() {
  byte i = 0;
next:
  i++;
  if
  :: i > 2 -> goto done
  :: else
  fi;
  if
  :: pending -> goto over
  :: else
  fi;
#ifndef LATE_JOINS
  joins = i;
#endif
#ifdef EARLY_LOOK
  if
  :: pending -> goto over
  :: else
  fi;
#endif
  if
  :: atomic { ended[i] -> goto over }
  :: atomic { !ended[i] -> shown[i] = true }
  fi;
#ifndef NO_LOOK
#ifndef EARLY_LOOK
  look(i);
#endif
#endif
#ifdef LATE_JOINS
  joins = i;
#endif
  atomic { owed > 0 -> owed-- };  /* park */
  assert(!shown[i]);
  assert(ended[i] || pending);
over:
  leave_scope();
  goto next;
done:
  skip
}

proctype ender(byte i) {
#ifdef SPLIT_END
  bool joined = shown[i];
  atomic { ended[i] = true; shown[i] = false };
#else
  bool joined = shown[i];
  if
#ifdef NO_RECHECK
  :: joined -> ended[i] = true; shown[i] = false
#else
  :: atomic { joined && shown[i] -> ended[i] = true; shown[i] = false }
#endif
  :: atomic { joined = shown[i]; ended[i] = true; shown[i] = false }
  fi;
#endif
  if
  :: joined -> unpark()
  :: else
  fi
}

active proctype canceller() {
  byte j;
  bool took = false;
  atomic { !locked -> locked = true };
  pending = true;
#ifndef NO_SEARCH
  j = joins;
#ifdef SPLIT_TAKE
  if
  :: shown[j] -> shown[j] = false; took = true
  :: else
  fi;
#else
  if
  :: atomic { shown[j] -> shown[j] = false; took = true }
  :: atomic { !shown[j] -> skip }
  fi;
#endif
  if
  :: took -> unpark()
  :: else
  fi;
#endif
  locked = false
}

init {
  run ender(2);
  if
  :: run ender(1)
  :: skip  /* it never ends */
  fi
}
