// SPDX-License-Identifier: BSL-1.0
// Workers that fall asleep while others have work for them. The protocols are tested in tests/run; this is their use.
#include "sched/worker.hpp"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <thread>
#include <weft/weft.hpp>

#include "sched/pick.hpp"
#include "sched/this_thread.hpp"
#include "support/litmus.hpp"
#include "support/scale.hpp"

using namespace std::chrono_literals;
using weft::detail::current_worker;
using weft::detail::runnable;
using weft::detail::worker;
using weft::test::scaled;

namespace {

// Runs on the worker's own stack: a fiber would leave one behind, and a worker that has such to tidy wakes up by itself.
struct item : runnable {
  item() : runnable(&run) {}

  static void run(runnable& r) noexcept {
    auto& self = static_cast<item&>(r);
    ++*self.begun;
    while (*self.begun != self.others) std::this_thread::yield();  // so each needs a worker of its own
    ++*self.ended;
  }

  unsigned others = 0;
  std::atomic<unsigned>* begun = nullptr;
  std::atomic<unsigned>* ended = nullptr;
};

}  // namespace

// Caught by this: a worker that does not look again, for what may be stolen or for what was sent to it, when it has said
// that it sleeps; a searcher that finds something and does not wake another one for the rest.
TEST_CASE("what a held worker gives away is begun, whatever the others are about") {
  for (const unsigned others : {1u, 2u}) {
    weft::run(
        [others] {
          worker& here = *current_worker();
          weft::test::stagger wait(others);
          for (auto round = scaled(10'000); round > 0; --round) {
            std::array<item, 2> items;
            std::atomic<unsigned> begun{0}, ended{0};
            const bool sends = wait.random() % 4 == 0;
            for (unsigned i = 0; i < others; ++i) {
              items[i].others = others;
              items[i].begun = &begun;
              items[i].ended = &ended;
              if (sends) {
                items[i].home = &here.owner().worker_at((here.index() + 1 + i) % (others + 1));
                items[i].home->send(items[i]);
              } else {
                here.push_fresh(items[i]);
              }
            }
            while (ended != others) std::this_thread::yield();
            wait(std::uint64_t(1) << (wait.random() % 16));  // they search, and after some microseconds they sleep
          }
        },
        {.workers = others + 1, .hog_threshold = 0ns});
  }
}

// Caught by this: a worker that keeps for itself what others have sent it.
TEST_CASE("what was sent to a worker and may run anywhere may be stolen from there") {
  weft::runtime r({.workers = 2, .hog_threshold = 0ns});
  worker& at = scheduler_of(r).worker_at(1);
  std::atomic<unsigned> held{0}, begun{0}, ended{0};
  std::array<item, 3> items;
  for (item& one : items) {
    one.others = 2;
    one.begun = &begun;
    one.ended = &ended;
  }
  item& first = items[0];  // holds the worker until the others are there
  first.home = &at;
  first.begun = &held;
  at.send(first);
  while (held != 1) std::this_thread::yield();
  at.send(items[1]);
  at.send(items[2]);
  ++held;
  while (ended != items.size()) std::this_thread::yield();
}
