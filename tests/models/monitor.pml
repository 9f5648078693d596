/* SPDX-License-Identifier: BSL-1.0
 * The monitor's doze (src/sched/monitor.hpp, [monitor-1]): a worker that is busy twice, the second time for ever, and a
 * runtime that ends once that was seen, or at any time before. Proved: the monitor sees the worker that stays busy, and
 * it sees the end; what is lost leaves it asleep for ever. While it watches it looks again after each pause: here, until
 * there is nothing new to be seen.
 *
 * Guards to remove:
 * NO_RECHECK  the monitor says that it dozes and sleeps without looking again.
 * EARLY_LOOK  the worker looks whether the monitor dozes, then says that it is busy.
 * BLIND_DOZE  the monitor stores that it dozes, whatever was there.
 * BLIND_WAKE  a worker that has seen it doze stores that it watches, whatever is there by now.
 */
mtype = { watching, dozing, ending };
mtype state = watching;
byte busy = 0; /* 2: for ever */
bool seen = false;

inline from_dozing_to_watching() {
  if
  :: atomic { state == dozing -> state = watching }
  :: atomic { state != dozing -> skip }
  fi
}

inline wake_if_dozing() {
  if
#ifdef BLIND_WAKE
  :: state == dozing -> state = watching
#else
  :: state == dozing -> from_dozing_to_watching()
#endif
  :: state != dozing
  fi
}

inline become_busy(which) {
#ifdef EARLY_LOOK
  wake_if_dozing();
  busy = which
#else
  busy = which;
  wake_if_dozing()
#endif
}

active proctype worker() {
  become_busy(1);
  busy = 0;
  become_busy(2)
}

active proctype runtime() {
  if
  :: true -> seen
  :: true
  fi;
  state = ending
}

active proctype monitor() {
again:
  if
  :: state == ending -> goto done
  :: state != ending
  fi;
  if
  :: busy == 2 ->
    seen = true;
    state != watching; /* the end, or it was lost */
    goto again
  :: busy == 1 -> goto again
  :: busy == 0
  fi;
#ifdef BLIND_DOZE
  state = dozing;
#else
  if
  :: atomic { state == watching -> state = dozing }
  :: atomic { state != watching -> goto again }
  fi;
#endif
#ifndef NO_RECHECK
  if
  :: busy != 0 ->
    from_dozing_to_watching();
    goto again
  :: busy == 0
  fi;
#endif
  state != dozing; /* the futex */
  goto again;
done:
  skip
}
