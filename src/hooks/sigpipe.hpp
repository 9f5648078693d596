// SPDX-License-Identifier: BSL-1.0
// SIGPIPE: a write that nobody can read raises it, as the man page says.
//
// The kernel sends it to the thread that wrote, and weft's threads take no signals: there it would stay pending for ever.
// So on a fiber it is raised for the process, whose own threads take it: a handler runs on one of them, maybe a little
// later than the write returns.
#pragma once

namespace weft::detail {

void raise_sigpipe() noexcept;
// For a system call that sent one to this thread already.
void pass_on_sigpipe() noexcept;

}  // namespace weft::detail
