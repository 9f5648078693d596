// SPDX-License-Identifier: BSL-1.0
// Everything that makes weft call something, done once.
#pragma once

namespace weft::faults {

// A plain thread. Throws what came of a call that failed.
void live();

}  // namespace weft::faults
