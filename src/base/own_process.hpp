// SPDX-License-Identifier: BSL-1.0
// Whether this is the process that the library was loaded in, or a child that is to leave the parent's state alone.
#pragma once

namespace weft::detail {

// Any thread. False in a child of vfork(2), whose memory is the parent's but whose descriptors are its own. One system
// call. A child of fork(2) is a process of its own, with nothing in it yet.
[[nodiscard]] bool is_own_process() noexcept;

}  // namespace weft::detail
