// SPDX-License-Identifier: BSL-1.0
#include "stress/actor.hpp"

#include <unistd.h>

#include <exception>
#include <thread>

#include "stress/actor_steps.hpp"
#include "stress/conversation.hpp"

namespace weft::stress {

void world::see(const std::exception_ptr& error) noexcept {
  try {
    std::rethrow_exception(error);
  } catch (const planned&) {
    seen.fetch_add(1, std::memory_order_relaxed);
  } catch (const exception_group& group) {
    for (const auto& one : group.exceptions()) see(one);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "unplanned: %s\n", e.what());
    must.unplanned(false);
  } catch (...) {
    must.unplanned(false);
  }
}

void actor::run() {
  for (auto steps = 1 + random_.below(6); steps > 0 && !w_.is_over(); --steps) step();
  if (what_.depth > 0 && random_.one_in(24)) w_.fail(what_.seed);
}

void actor::step() {
  switch (random_.below(20)) {
    case 0:
      return yields();
    case 1:
      return sleeps();
    case 2:
      return joins();
    case 3:
      return drops();
    case 4:
      return detaches();
    case 5:
      return opens_a_scope();
    case 6:
      return has_little_time();
    case 7:
      return shields();
    case 8:
      return cancels_somebody();
    case 9:
      return joins_in_time();
    case 10:
      return throws_and_parks();
    case 11:
      return unwinds_slowly();
    case 12:
      return uses_its_stack();
    case 13:
      return fans_out();
    case 14:
      return cancels_its_own();
    case 15:
      return lets_a_thread_join();
    case 16:
      return one_way_tcp(w_, random_);
    case 17:
      return random_.one_in(2) ? one_way_unix(w_, random_) : one_way_pair(w_, random_);
    case 18:
      return torn_pair(w_, random_);
    default:
      return random_.one_in(4) ? crowd_of_acceptors(w_, random_) : yields();
  }
}

std::uint64_t act(world& w, const errand& what) {
  const token here;
  struct presence {
    world& w;
    explicit presence(world& of) : w(of) { w.actors.fetch_add(1, std::memory_order_relaxed); }
    ~presence() { w.actors.fetch_sub(1, std::memory_order_relaxed); }
  } present(w);
  const pid_t thread = gettid();
  if (what.worker >= 0 && what.sticky) {
    pid_t known = 0;
    auto& place = w.threads[std::size_t(what.worker)];
    if (!place.compare_exchange_strong(known, thread)) must.threads.equal(std::uint64_t(thread), std::uint64_t(known));
  }
  const auto check_thread = [&] {
    if (what.sticky) must.threads(gettid() == thread);
  };
  try {
    actor(w, what).run();
  } catch (const cancelled&) {
    must.cancelled(this_fiber::cancelled());
    check_thread();
    throw;
  } catch (const planned&) {
    check_thread();
    throw;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "unplanned: %s\n", e.what());
    must.unplanned(false);
  }
  check_thread();
  return answer_to(what.seed);
}

void visit(world& w, std::uint64_t seed) {
  rng random(seed);
  const int pause = 1 + int(random.below(300));
  while (!w.is_over()) {
    std::this_thread::sleep_for(std::chrono::microseconds(pause));
    if (w.is_full()) continue;
    const errand what{random(), 2, !w.movable, -1};
    const auto body = [&w, what, t = token()] { return act(w, what); };
    w.spawned.fetch_add(1, std::memory_order_relaxed);
    if (random.one_in(4)) {
      w.of->go([body] { static_cast<void>(body()); });
      continue;
    }
    auto owner = w.of->spawn(body);
    if (random.one_in(4)) w.everybody.put(random, owner.ref());
    if (random.one_in(4)) continue;  // dropped
    if (random.one_in(4)) owner.cancel();
    if (random.one_in(4) && owner.join_until(random.up_to(std::chrono::microseconds(500)))) must.results(owner.done());
    try {
      must.results(owner.join() == answer_to(what.seed));
    } catch (const std::system_error& e) {
      must.unplanned(e.code() == std::errc::operation_canceled, e.code().value());
    } catch (const std::exception&) {
      w.see(std::current_exception());
    }
  }
}

}  // namespace weft::stress
