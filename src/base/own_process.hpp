// SPDX-License-Identifier: BSL-1.0
// Whether this is the process that the library was loaded in, or a child that is to leave the parent's state alone.
//
// Each wait of a hooked call wants to know. The kernel's answer takes a system call, so that is asked for only where the
// answer is in doubt. A child that has a copy of the memory finds a page of it empty (MADV_WIPEONFORK), by whatever call
// it was made. A child that has the memory itself finds what was told before it was made.
#pragma once

namespace weft::detail {

// Any thread. False in a child of vfork(2), whose memory is the parent's but whose descriptors are its own, and in one that
// has a copy of the memory without libc's knowledge. A child of fork(2) is a process of its own, with nothing in it yet.
[[nodiscard]] bool is_own_process() noexcept;

// From now on whoever makes a child that has the memory calls one of the two below before. Until this is called, the kernel
// is asked each time.
void children_within_are_told() noexcept;
// The calling thread is about to make one that uses the thread's own variables, and waits until it has left them
// (CLONE_VFORK).
void expect_child_within() noexcept;
// It goes on beside its parent, or with variables of its own: the kernel is asked each time from now on.
void expect_child_beside() noexcept;

}  // namespace weft::detail
