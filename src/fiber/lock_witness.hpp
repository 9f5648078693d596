// SPDX-License-Identifier: BSL-1.0
// WEFT_DEBUG=locks: fibers that give up their worker while they hold a pthread mutex are told of.
#pragma once

namespace weft::detail {

// Any thread, more than once. Throws std::system_error (invalid_argument) where the library weft-locks is not loaded.
void testify_of_locks();

}  // namespace weft::detail
