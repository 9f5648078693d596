// SPDX-License-Identifier: BSL-1.0
// The switch for code that is compiled into programs: whichever machine's they are compiled for. Programs cannot have
// it picked by meson; everything else that differs between machines is in the folder asm.
#pragma once

#if defined(__x86_64__) && defined(__LP64__)
#include <weft/detail/asm/x86_64.hpp>
#elif defined(__aarch64__) && defined(__LP64__)
#include <weft/detail/asm/aarch64.hpp>
#elif defined(__riscv) && defined(__riscv_float_abi_double) && __riscv_xlen == 64
#include <weft/detail/asm/riscv64.hpp>
#else
#include <weft/detail/asm/none.hpp>
#endif
