// SPDX-License-Identifier: BSL-1.0
// What comes first in an operation that might wait.
#pragma once

namespace weft::detail {

// Throws `cancelled` if the fiber is; at times lets others run, since a fiber that never has to wait would keep its worker
// from them. Nothing on a plain thread or a task. May park.
void checkpoint();

}  // namespace weft::detail
