// SPDX-License-Identifier: BSL-1.0
// Bugs that a detector must catch, each with a healthy twin that it must let pass. They return 0 if they come to an end
// and were right.
#pragma once

namespace planted {

int buffer_overflow(bool bug);
int integer_overflow(bool bug);
int race(bool bug);
int stack_overflow(bool bug);
int uninitialised(bool bug);
int use_after_free(bool bug);
int use_after_return(bool bug);

// Keeps the compiler from seeing what a pointer points to, so that the bug is still there when it is run.
template <class T> T* hidden(T* pointer) {
  asm volatile("" : "+r"(pointer) : : "memory");
  return pointer;
}

}  // namespace planted
