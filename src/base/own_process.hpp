// SPDX-License-Identifier: BSL-1.0
// Whether this is the process that the library was loaded in, or a child that is to leave the parent's state alone.
//
// Each wait of a hooked call wants to know. The kernel's answer takes a system call, so that is asked for only where the
// answer is in doubt. A child that has a copy of the memory finds a page of it empty (MADV_WIPEONFORK), by whatever call
// it was made. A child that has the memory itself finds what the thread was told before it made one.
#pragma once

namespace weft::detail {

// Any thread. False in a child of vfork(2), whose memory is the parent's but whose descriptors are its own, and in one that
// was made without the knowledge of libc. A child of fork(2) is a process of its own, with nothing in it yet.
[[nodiscard]] bool is_own_process() noexcept;

// From now on every thread calls `expect_child_within` before it makes a child that has the memory and the thread's own
// variables. Until this is called, the kernel is asked each time. Before there are other threads.
void children_within_are_told() noexcept;

// How long a child uses this thread's variables: until the call that makes it returns to the parent (CLONE_VFORK), or
// longer.
enum class child_within : unsigned char { none, until_the_call_returns, longer };
void expect_child_within(child_within how_long) noexcept;

}  // namespace weft::detail
