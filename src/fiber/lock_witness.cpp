// SPDX-License-Identifier: BSL-1.0
#include "fiber/lock_witness.hpp"

#include <dlfcn.h>

#include <system_error>
#include <weft/base/error.hpp>

#include "base/lock_witness.hpp"
#include "fiber/dump.hpp"
#include "fiber/fibers.hpp"

namespace weft::detail {
namespace {

constexpr lock_witness witness{.running = []() noexcept -> const void* { return current_fiber(); },
                               .worker = []() noexcept -> const void* { return &desk_here()->at; },
                               .turns = []() noexcept { return desk_here()->at.turns(); },
                               .describe =
                                   [](const void* fiber, char* out, std::size_t size) noexcept {
                                     return describe(*static_cast<control_block*>(const_cast<void*>(fiber)), out, size);
                                   }};

}  // namespace

void testify_of_locks() {
  // Looked up, because it is preloaded, not linked: a program without it has no such name.
  const auto attach = reinterpret_cast<attach_locks*>(dlsym(RTLD_DEFAULT, attach_locks_name));
  if (!attach)
    throw_error(std::errc::invalid_argument,
                "weft: WEFT_DEBUG=locks needs the library weft-locks in front of libc: LD_PRELOAD=libweft-locks.so");
  attach(witness);
}

}  // namespace weft::detail
