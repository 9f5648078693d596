// SPDX-License-Identifier: BSL-1.0
#include <algorithm>
#include <exception>
#include <memory>
#include <thread>
#include <vector>

#include "stress/actor_steps.hpp"

namespace weft::stress {

using namespace std::chrono_literals;

namespace {

constexpr int deepest = 4;

}  // namespace

errand actor::another(spawn_options& with) {
  errand what{random_(), what_.depth + 1, !w_.movable, -1};
  if (random_.one_in(4)) {
    with.movable = random_.one_in(2);
    what.sticky = !*with.movable;
  }
  if (random_.one_in(8)) with.worker = what.worker = int(random_.below(w_.workers));
  if (random_.one_in(16)) with.stack_size = random_.one_in(2) ? 64 << 10 : 1 << 20;
  if (random_.one_in(4)) with.name = "actor";
  return what;
}

bool actor::may_spawn() const { return what_.depth < deepest && !w_.is_full() && !w_.is_over(); }

actor::child actor::spawn_one() {
  spawn_options with;
  child c{{}, another(with), std::make_shared<std::uint64_t>(0)};
  c.owner = spawn(with, [&w = w_, what = c.what, note = c.note, t = token()] {
    const std::uint64_t result = act(w, what);
    *note = what.seed;
    return result;
  });
  w_.spawned.fetch_add(1, std::memory_order_relaxed);
  if (random_.one_in(4)) w_.everybody.put(random_, c.owner.ref());
  return c;
}

void actor::join(child& c) {
  try {
    const std::uint64_t result = c.owner.join();
    must.results(result == answer_to(c.what.seed) && *c.note == c.what.seed);
    must.results(!c.owner.joinable());
  } catch (const planned& e) {
    must.errors(e.number == c.what.seed || e.number == 0);
    w_.see(std::current_exception());
  } catch (const std::system_error& e) {
    must.unplanned(e.code() == std::errc::operation_canceled, e.code().value());
  } catch (const exception_group&) {
    w_.see(std::current_exception());
  }
}

void actor::joins() {
  if (!may_spawn()) return;
  std::vector<child> children;
  for (auto n = 1 + random_.below(4); n > 0; --n) children.push_back(spawn_one());
  while (!children.empty()) {
    std::swap(children[random_.below(children.size())], children.back());
    join(children.back());
    children.pop_back();
  }
}

void actor::drops() {
  if (!may_spawn()) return;
  const child c = spawn_one();
  if (random_.one_in(2)) sleeps();
}

void actor::detaches() {
  if (!may_spawn()) return;
  if (random_.one_in(2)) {
    std::move(spawn_one().owner).detach();
  } else {
    spawn_options with;
    const errand what = another(with);
    go(with, [&w = w_, what, t = token()] { static_cast<void>(act(w, what)); });
    w_.spawned.fetch_add(1, std::memory_order_relaxed);
  }
}

void actor::fans_out() {
  if (!may_spawn()) return;
  std::vector<fiber<>> leaves;
  for (auto n = random_.below(64); n > 0 && !w_.is_full(); --n) {
    leaves.push_back(spawn([t = token(), turns = random_.below(3)] {
      for (auto i = turns; i > 0; --i) this_fiber::yield();
    }));
    w_.spawned.fetch_add(1, std::memory_order_relaxed);
  }
  for (auto& leaf : leaves) {
    try {
      leaf.join();
    } catch (const std::system_error& e) {  // our deadline is theirs, too
      must.unplanned(e.code() == std::errc::operation_canceled, e.code().value());
    }
  }
}

void actor::opens_a_scope() {
  if (!may_spawn()) return;
  const auto inside = std::make_shared<std::atomic<long>>(0);
  const bool cancels = random_.one_in(4);
  try {
    with_scope([&](scope& s) {
      for (auto n = random_.below(5); n > 0; --n) {
        spawn_options with;
        const errand what = another(with);
        const auto body = [&w = w_, what, inside, t = token()] {
          struct presence {
            std::atomic<long>& count;
            explicit presence(std::atomic<long>& c) : count(c) { ++count; }
            ~presence() { --count; }
          } here(*inside);
          static_cast<void>(act(w, what));
        };
        const fiber_ref ref = random_.one_in(5) ? s.spawn_daemon(with, body) : s.spawn(with, body);
        w_.spawned.fetch_add(1, std::memory_order_relaxed);
        if (random_.one_in(4)) w_.everybody.put(random_, ref);
      }
      if (random_.one_in(2)) step();
      if (cancels) s.cancel();
      if (random_.one_in(8)) w_.fail(0);
    });
  } catch (const cancelled&) {
    must.scopes.equal(std::uint64_t(inside->load()), 0);
    throw;
  } catch (const std::exception&) {
    w_.see(std::current_exception());
  }
  must.scopes.equal(std::uint64_t(inside->load()), 0);
}

void actor::cancels_its_own() {
  if (!may_spawn()) return;
  child c = spawn_one();
  if (random_.one_in(2)) yields();
  c.owner.cancel();
  join(c);
}

void actor::joins_in_time() {
  if (!may_spawn()) return;
  child c = spawn_one();
  const deadline until(random_.up_to(1ms));
  if (c.owner.join_until(until))
    must.results(c.owner.done());
  else
    must.timeouts(until.passed());
  if (random_.one_in(2)) join(c);
}

void actor::lets_a_thread_join() {
  if (!may_spawn() || !random_.one_in(8)) return;
  child c = spawn_one();
  std::atomic<bool> joined{false};
  std::thread helper([&, cancels = random_.one_in(2)] {
    if (cancels) c.owner.cancel();
    join(c);
    joined.store(true, std::memory_order_release);
  });
  // The thread has to be waited for by parking: the child may need this worker.
  shield([&] {
    while (!joined.load(std::memory_order_acquire)) this_fiber::sleep_for(100us);
  });
  helper.join();
}

}  // namespace weft::stress
