// SPDX-License-Identifier: BSL-1.0
// What the library weft-locks, which stands in front of pthread's mutexes and is not linked with weft, asks of a runtime.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weft::detail {

struct lock_witness {
  const void* (*running)() noexcept;  // the fiber that this thread runs, or null
  const void* (*worker)() noexcept;   // of that fiber
  std::uint64_t (*turns)() noexcept;  // of that worker; another number once the fiber has parked or yielded
  // `fiber 7 "name", created at file:line`; the length, 0 if it has ended.
  std::size_t (*describe)(const void* fiber, char* out, std::size_t size) noexcept;
};

// What that library exports, and under which name.
using attach_locks = void(const lock_witness&) noexcept;
inline constexpr const char* attach_locks_name = "weft_locks_attach";

}  // namespace weft::detail
