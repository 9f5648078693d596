// SPDX-License-Identifier: BSL-1.0
// Shadow stacks (x86 CET, Arm GCS): a second stack of return addresses that the processor holds returns against.
//
// Built with -fcf-protection or -mbranch-protection=standard, weft carries landing pads wherever it is jumped to, and
// runs with indirect branch tracking (IBT, BTI) on. The marks of its object files say that it can do with shadow stacks
// too, so that linkers and loaders are content; but it does not switch them, and where the C library has turned them on
// (glibc: only by request, GLIBC_TUNABLES=glibc.cpu.x86_shstk=on) the first return behind a switch would kill the
// process. So that is refused at start.
#pragma once

namespace weft::detail {

// Throws std::system_error (not_supported) where the calling thread has one.
void verify_no_shadow_stack();
// The same, where it is known already.
void verify_no_shadow_stack(bool is_on);

}  // namespace weft::detail
