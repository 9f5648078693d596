// SPDX-License-Identifier: BSL-1.0
// Waiting for any file that poll(2) can wait for.
#pragma once

#include <system_error>
#include <weft/base/deadline.hpp>

namespace weft::net {

// May park; on a plain thread blocks in poll(2). True: a read (write) would not block, if nobody else is faster; the end
// of a stream and errors count. False: `until` has passed; one in the past only asks. Throws bad_file_descriptor for an
// fd that is not open, operation_not_permitted for a regular file or a directory, which cannot be waited for. Closing the
// fd does not end the wait: only sockets of weft::net wake who waits on them, and where weft-hooks is linked every close(2)
// of the program's does; then it fails with operation_canceled.
bool wait_readable(int fd, deadline until = never);
bool wait_readable(int fd, std::error_code& ec);
bool wait_readable(int fd, deadline until, std::error_code& ec);
bool wait_writable(int fd, deadline until = never);
bool wait_writable(int fd, std::error_code& ec);
bool wait_writable(int fd, deadline until, std::error_code& ec);

}  // namespace weft::net
