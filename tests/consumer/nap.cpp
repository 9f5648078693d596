// SPDX-License-Identifier: BSL-1.0
// A stranger's library that blocks and has never heard of weft.
#include <unistd.h>

extern "C" int nap() { return usleep(1); }
