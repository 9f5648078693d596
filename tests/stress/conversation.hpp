// SPDX-License-Identifier: BSL-1.0
// Conversations over loopback, every byte of them counted and compared.
#pragma once

#include "stress/world.hpp"

namespace weft::stress {

// One end writes, the other reads, both by random calls; either may be cancelled or run out of time at any point. What
// was sent is what came.
void one_way_tcp(world& w, rng& random);
void one_way_unix(world& w, rng& random);
void one_way_pair(world& w, rng& random);

// A fiber reads and another writes at both ends; a last one closes one end in the middle.
void torn_pair(world& w, rng& random);

// Several accept from one listener, which is closed while they do.
void crowd_of_acceptors(world& w, rng& random);

}  // namespace weft::stress
