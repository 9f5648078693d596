// SPDX-License-Identifier: BSL-1.0
#include "stress/actor.hpp"

#include <unistd.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <thread>
#include <vector>

#include "stress/conversation.hpp"

namespace weft::stress {

using namespace std::chrono_literals;

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

namespace {

constexpr int deepest = 4;

std::uint64_t answer_to(std::uint64_t seed) { return seed * 31 + 7; }

class actor {
 public:
  actor(world& w, const errand& what) : w_(w), what_(what), random_(what.seed) {}

  void run() {
    for (auto steps = 1 + random_.below(6); steps > 0 && !w_.is_over(); --steps) step();
    if (what_.depth > 0 && random_.one_in(24)) w_.fail(what_.seed);
  }

 private:
  using handle = fiber<std::uint64_t>;
  struct child {
    handle owner;
    errand what;
    std::shared_ptr<std::uint64_t> note;  // plainly written by the child, plainly read after the join
  };

  void step() {
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

  errand another(spawn_options& with) {
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

  [[nodiscard]] bool may_spawn() const { return what_.depth < deepest && !w_.is_full() && !w_.is_over(); }

  child spawn_one() {
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

  void join(child& c) {
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

  void yields() {
    for (auto n = random_.below(20); n > 0; --n) this_fiber::yield();
  }

  void sleeps() {
    const auto how_long = random_.up_to(2ms);
    const auto before = std::chrono::steady_clock::now();
    this_fiber::sleep_for(how_long);
    must.sleeps(std::chrono::steady_clock::now() - before >= how_long);
  }

  void joins() {
    if (!may_spawn()) return;
    std::vector<child> children;
    for (auto n = 1 + random_.below(4); n > 0; --n) children.push_back(spawn_one());
    while (!children.empty()) {
      std::swap(children[random_.below(children.size())], children.back());
      join(children.back());
      children.pop_back();
    }
  }

  void drops() {
    if (!may_spawn()) return;
    const child c = spawn_one();
    if (random_.one_in(2)) sleeps();
  }

  void detaches() {
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

  void fans_out() {
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

  void opens_a_scope() {
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

  void has_little_time() {
    const deadline until(random_.up_to(3ms));
    try {
      switch (random_.below(3)) {
        case 0:
          with_deadline(until, [&] { return step(); });
          break;
        case 1:
          if (!try_for(until, [&] { step(); })) must.timeouts(until.passed());
          break;
        default:
          with_timeout(1ns, [&] { step(); });
      }
    } catch (const timed_out&) {
      must.timeouts(true);
    }
  }

  void shields() {
    bool left = false;
    const auto inside = [&] {
      try {
        for (auto n = random_.below(5); n > 0; --n) this_fiber::yield();
        this_fiber::sleep_for(random_.up_to(200us));
      } catch (const cancelled&) {
        must.shields(false);
      }
      left = true;
    };
    shield(inside);
    must.shields(left);
    this_fiber::check_cancelled();
  }

  void cancels_somebody() { w_.everybody.pick(random_).cancel(); }

  void cancels_its_own() {
    if (!may_spawn()) return;
    child c = spawn_one();
    if (random_.one_in(2)) yields();
    c.owner.cancel();
    join(c);
  }

  void joins_in_time() {
    if (!may_spawn()) return;
    child c = spawn_one();
    const deadline until(random_.up_to(1ms));
    if (c.owner.join_until(until))
      must.results(c.owner.done());
    else
      must.timeouts(until.passed());
    if (random_.one_in(2)) join(c);
  }

  void lets_a_thread_join() {
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

  void throws_and_parks() {
    const std::uint64_t number = random_();
    try {
      throw planned(number);
    } catch (const planned& outer) {
      const auto again = [&] {
        try {
          throw;
        } catch (const planned& inner) {
          must.handlers(&inner == &outer && inner.number == number);
        } catch (...) {
          must.handlers(false);
        }
      };
      yields();
      again();
      if (random_.one_in(2)) step();
      again();
    }
  }

  void unwinds_slowly() {
    struct slow {
      rng& random;
      int in_flight;
      ~slow() {
        try {
          this_fiber::yield();
          this_fiber::sleep_for(random.up_to(200us));
          must.shields(std::uncaught_exceptions() == in_flight, std::uncaught_exceptions(), in_flight);
          static_cast<void>(try_for(random.up_to(100us), [&] { this_fiber::sleep_for(random.up_to(200us)); }));
        } catch (const cancelled&) {
          must.shields(false);  // clean-up is not interrupted from outside
        }
      }
    };
    try {
      const slow guard{random_, 1};
      throw planned(1);
    } catch (const planned&) {
    }
  }

  void uses_its_stack() { touch(int(1 + random_.below(40))); }
  [[gnu::noinline]] void touch(int deeper) {
    volatile unsigned char page[1024];
    const auto mark = static_cast<unsigned char>(random_());
    for (auto& b : page) b = mark;
    if (random_.one_in(4)) this_fiber::yield();
    if (deeper > 0) touch(deeper - 1);
    bool intact = true;
    for (const auto& b : page) intact &= b == mark;
    must.results(intact);
  }

  world& w_;
  const errand what_;
  rng random_;
};

}  // namespace

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
