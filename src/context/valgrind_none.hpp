// SPDX-License-Identifier: BSL-1.0
// Stands for valgrind_requests.hpp where Valgrind's header was not there when weft was built.
#pragma once

#include <cstddef>

namespace weft::detail {

[[nodiscard]] inline bool valgrind_listens() noexcept { return false; }

inline unsigned register_stack(const std::byte*, const std::byte*) noexcept { return 0; }

inline void unregister_stack(unsigned) noexcept {}

}  // namespace weft::detail
