// SPDX-License-Identifier: BSL-1.0
// signal_wait(): how a fiber, or a thread, waits for a signal to the process.
#pragma once

#include <initializer_list>
#include <weft/base/deadline.hpp>

namespace weft {

// Waits for one of these signals and returns its number. Everybody who waits for a signal when it comes is told of it.
// Meanwhile a handler of weft's takes it; when nobody waits any more, what was set before is in force again, between two
// waits, too (so Ctrl-C ends a program that is not waiting; and what all threads of the program block waits for the next
// wait). A signal that nobody was told of, because it came together with another one, is for the next wait.
// raise() sends to its own thread, and weft's take no signals: a fiber sends with kill(getpid(), ...).
//
// A cancellation point. Throws `cancelled`; timed_out when none came until then; std::system_error: invalid_argument for
// no signal, an impossible one, and those that faults raise (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS).
// Any fiber or thread; parks it.
int signal_wait(std::initializer_list<int> signals, deadline until = never);

}  // namespace weft
