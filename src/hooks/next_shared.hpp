// SPDX-License-Identifier: BSL-1.0
// The next definitions of what several hooks call. The others stand in the file of the hook.
#pragma once

#include <poll.h>
#include <sys/uio.h>

#include "hooks/next.hpp"

namespace weft::detail::next {

inline constexpr next_function<"close", int(int)> close;
// Variadic for its callers; the word that follows is passed alike on every processor that weft knows.
inline constexpr next_function<"fcntl", int(int, int, void*)> fcntl;
inline constexpr next_function<"poll", int(pollfd*, nfds_t, int)> poll;
inline constexpr next_function<"readv", ssize_t(int, const iovec*, int)> readv;

}  // namespace weft::detail::next
