// SPDX-License-Identifier: BSL-1.0
#include <exception>

#include "stress/actor_steps.hpp"

namespace weft::stress {

using namespace std::chrono_literals;

void actor::yields() {
  for (auto n = random_.below(20); n > 0; --n) this_fiber::yield();
}

void actor::sleeps() {
  const auto how_long = random_.up_to(2ms);
  const auto before = std::chrono::steady_clock::now();
  this_fiber::sleep_for(how_long);
  must.sleeps(std::chrono::steady_clock::now() - before >= how_long);
}

void actor::has_little_time() {
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

void actor::shields() {
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

void actor::cancels_somebody() { w_.everybody.pick(random_).cancel(); }

void actor::throws_and_parks() {
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

void actor::unwinds_slowly() {
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

void actor::uses_its_stack() { touch(int(1 + random_.below(40))); }

void actor::touch(int deeper) {
  volatile unsigned char page[1024];
  const auto mark = static_cast<unsigned char>(random_());
  for (auto& b : page) b = mark;
  if (random_.one_in(4)) this_fiber::yield();
  if (deeper > 0) touch(deeper - 1);
  bool intact = true;
  for (const auto& b : page) intact &= b == mark;
  must.results(intact);
}

}  // namespace weft::stress
