// SPDX-License-Identifier: BSL-1.0
// A FILE whose input and output yields.
#pragma once

#include <cstdio>

namespace weft::hooks {

// Any thread. A stream on `fd` as by fdopen(3), whose buffer is filled and emptied by the hooked read(2) and
// write(2): on a fiber they park, where those inside libc would block the worker. The mode is r, w or a, maybe with `+`;
// `b` and other letters mean nothing, as there. Never parks itself; what is done with the stream may.
//
// The stream owns `fd`, and fclose(3) closes it. Null with errno if it cannot be made, and then `fd` is still the caller's:
// EINVAL (no such mode, or the file is not open for it), EBADF, ENOMEM. O_NONBLOCK stays what it was; where it is set, a
// read or write that would wait fails with EAGAIN and sets the error flag, as does one with ECANCELED.
//
// Unlike fdopen's, it has no lock: a stdio lock is the thread's, hence the worker's. One fiber or thread at a time. For
// input and output at once take two streams, the second on a duplicate of `fd`; a single one for both takes turns, with
// fflush(3) behind output, and what was read ahead is lost when output begins. fileno(3) says -1.
// libc holds a lock of all streams while it flushes them all: no fflush(nullptr) on a fiber while output may have to wait.
[[nodiscard]] std::FILE* open_stream(int fd, const char* mode) noexcept;

}  // namespace weft::hooks
