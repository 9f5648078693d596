// SPDX-License-Identifier: BSL-1.0
// Workers that fall asleep while others have work for them. The protocols are tested in tests/run; this is their use.
#include "sched/worker.hpp"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <weft/weft.hpp>

#include "poll/descriptor.hpp"
#include "poll/epoll.hpp"
#include "sched/pick.hpp"
#include "sched/seams.hpp"
#include "sched/this_thread.hpp"
#include "support/litmus.hpp"
#include "support/scale.hpp"

using namespace std::chrono_literals;
using weft::detail::current_worker;
using weft::detail::descriptor;
using weft::detail::poller;
using weft::detail::runnable;
using weft::detail::waiter;
using weft::detail::wake_list;
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

// Once it is wanted, the next look at the poller that does not wait brings it; it runs on the worker.
struct find : waiter, runnable {
  find() : waiter(&to_ready), runnable(&run) {}

  static void to_ready(waiter& w) noexcept { current_worker()->push_ready(static_cast<find&>(w)); }
  static void run(runnable& r) noexcept { ++static_cast<find&>(r).ran; }

  std::atomic<bool> wanted{false};
  std::atomic<std::size_t> ran{0};
};

class finding_poller final : public poller {
 public:
  explicit finding_poller(find& what) : find_(what) {}
  ~finding_poller() override { descriptor::forget(*this); }
  void attach(descriptor& which) override { rest_.attach(which); }
  void detach(descriptor& which) noexcept override { rest_.detach(which); }
  void wait(std::int64_t timeout, wake_list& woken) override {
    rest_.wait(timeout, woken);
    if (timeout == 0 && find_.wanted.exchange(false)) woken.push(find_);
  }
  void wake() noexcept override { rest_.wake(); }

 private:
  find& find_;
  weft::detail::epoll_poller rest_;
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

// Caught by this: a searcher that has looked at the poller and sleeps, whatever came of that.
TEST_CASE("what a worker meets when it searches is run before it sleeps") {
  find met;
  weft::runtime r({.workers = 1, .hog_threshold = 0ns},
                  weft::detail::seams{.make_poller = [&met] { return std::make_unique<finding_poller>(met); }});
  worker& at = scheduler_of(r).worker_at(0);
  weft::test::stagger wait(1);
  for (std::size_t round = 1; round <= scaled(1'000); ++round) {
    met.wanted = true;
    while (met.wanted) {  // letters, from which it learns that it pays to search for a while
      std::atomic<unsigned> begun{0}, ended{0};
      item letter;
      letter.home = &at;
      letter.others = 1;
      letter.begun = &begun;
      letter.ended = &ended;
      at.send(letter);
      while (ended == 0) std::this_thread::yield();
      wait(std::uint64_t(1) << (wait.random() % 16));
    }
    while (met.ran != round) std::this_thread::yield();
  }
}
