// SPDX-License-Identifier: BSL-1.0
// What is to be done when a thread ends, behind the destructors of its variables that were made later.
//
// A thread_local object ends only once, and what the destructor of an older variable does with it afterwards is lost. Here
// it is asked for anew.
#pragma once

namespace weft::detail {

// On the calling thread, also while it ends. The library stays loaded until then.
void at_thread_end(void (*what)(void*), void* of) noexcept;

}  // namespace weft::detail
