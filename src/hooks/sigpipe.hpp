// SPDX-License-Identifier: BSL-1.0
// SIGPIPE: a write that nobody can read raises it, as the man page says.
//
// The kernel sends it to the thread that wrote, and weft's threads take no signals: there it would stay pending for ever.
// So on a fiber it is raised for the process, whose own threads take it: a handler runs on one of them, maybe a little
// later than the write returns. Whether it is sent at all is the kernel's to say: not by sockets of messages.
#pragma once

namespace weft::detail {

// After a system call that may have sent one to this thread.
void pass_on_sigpipe() noexcept;

}  // namespace weft::detail
