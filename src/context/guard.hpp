// SPDX-License-Identifier: BSL-1.0
// Guards: how the bytes below a stack are made to fault.
//
// guard_install  MADV_GUARD_INSTALL, Linux 6.13 and later: entries in the page table. Splits no mapping, so there may be
//                millions, and one process_madvise makes all guards of a slab (measured: 0.57 us each, 0.95 one by one).
//                Proved once per process, because a kernel or an emulator that ignores unknown advice returns success.
// protect        mprotect(PROT_NONE). Splits the slab: two mappings a stack, and vm.max_map_count bounds a process's
//                mappings (65530 by default). At most half of them go to guards, the rest of the program needs some.
// none           No guard. Only when asked for, or allowed where the two above are refused.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <span>

namespace weft::detail {

enum class guard_method : unsigned char { automatic, guard_install, protect, none };

// The method that `wanted` means on this machine: automatic becomes guard_install where that is proved, else protect.
// Throws std::system_error (not_supported) when guard_install is asked for and does not work. Any thread.
[[nodiscard]] guard_method choose_guard(guard_method wanted);

// True when MADV_GUARD_INSTALL made a guard here from which write(2) gave EFAULT. Any thread.
[[nodiscard]] bool guard_install_works() noexcept;

// Installs all of them; false when the kernel refuses one (mlockall: EINVAL). errno says why. Any thread.
[[nodiscard]] bool install_guards(std::span<iovec> guards) noexcept;

// vm.max_map_count, and the mappings that guards by mprotect use in this process, against a limit. Any thread.
inline constexpr std::size_t mappings_per_guard = 2;
[[nodiscard]] std::size_t most_mappings() noexcept;
[[nodiscard]] bool charge_mappings(std::size_t limit) noexcept;  // for one guard
void refund_mappings(std::size_t guards) noexcept;

}  // namespace weft::detail
