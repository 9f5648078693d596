// SPDX-License-Identifier: BSL-1.0
// What an actor does, step by step: alone (`actor_alone.cpp`), and with children (`actor_children.cpp`).
#pragma once

#include <memory>

#include "stress/actor.hpp"

namespace weft::stress {

class actor {
 public:
  actor(world& w, const errand& what) : w_(w), what_(what), random_(what.seed) {}

  void run();

 private:
  using handle = fiber<std::uint64_t>;
  struct child {
    handle owner;
    errand what;
    std::shared_ptr<std::uint64_t> note;  // plainly written by the child, plainly read after the join
  };

  void step();

  // --- Alone ---
  void yields();
  void sleeps();
  void has_little_time();
  void shields();
  void cancels_somebody();
  void throws_and_parks();
  void unwinds_slowly();
  void uses_its_stack();
  [[gnu::noinline]] void touch(int deeper);

  // --- With children ---
  errand another(spawn_options& with);
  [[nodiscard]] bool may_spawn() const;
  child spawn_one();
  void join(child& c);
  void joins();
  void drops();
  void detaches();
  void fans_out();
  void opens_a_scope();
  void cancels_its_own();
  void joins_in_time();
  void lets_a_thread_join();

  world& w_;
  const errand what_;
  rng random_;
};

// What an actor with this seed returns.
inline std::uint64_t answer_to(std::uint64_t seed) { return seed * 31 + 7; }

}  // namespace weft::stress
