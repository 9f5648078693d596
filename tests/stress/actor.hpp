// SPDX-License-Identifier: BSL-1.0
// A fiber of the stress run: does random things with random others, until its steps or the time are used up.
#pragma once

#include "stress/world.hpp"

namespace weft::stress {

// What it is given is what it must return.
struct errand {
  std::uint64_t seed = 0;
  int depth = 0;  // of spawns around it
  bool sticky = true;
  int worker = -1;  // where it must run
};

// The body of an actor.
std::uint64_t act(world& w, const errand& what);

// What plain threads do with a runtime.
void visit(world& w, std::uint64_t seed);

}  // namespace weft::stress
