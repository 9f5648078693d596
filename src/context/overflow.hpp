// SPDX-License-Identifier: BSL-1.0
// Overflow report: a handler of SIGSEGV and SIGBUS that lets a stack overflow be told by name before the process dies.
//
// The handler knows nothing of fibers: a function that the fiber floor hands in looks at the address of the fault, and
// writes what it has to say. After that the handler that was there before runs, or the default action takes place, so
// that debuggers, core dumps, sanitizers and a program's own crash reporter see the fault as if weft were not there.
#pragma once

namespace weft::detail {

// Called in the signal handler, on the alternate stack of the thread that faulted, if it has one. Writes to fd when the
// address lies in the guard of the stack that runs on this thread, and says whether it did. Async-signal-safe.
using overflow_describer = bool (*)(const void* fault_address, int fd) noexcept;

// The handlers are in place as long as one of these lives; all hand in the same describer. A handler that somebody
// else put on top of ours in the meantime stays, and ours stays behind it, passing everything on. Any thread.
class overflow_report {
 public:
  explicit overflow_report(overflow_describer describe);
  ~overflow_report();
  overflow_report(const overflow_report&) = delete;
  overflow_report& operator=(const overflow_report&) = delete;
};

}  // namespace weft::detail
