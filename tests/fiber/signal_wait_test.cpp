// SPDX-License-Identifier: BSL-1.0
#include <weft/fiber/signal_wait.hpp>

#include <doctest/doctest.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <initializer_list>
#include <thread>
#include <vector>
#include <weft/weft.hpp>

#include "support/refusal.hpp"
#include "support/scale.hpp"

using namespace std::chrono_literals;
using weft::test::refuses;
using weft::test::scaled;

namespace {

std::atomic<int> own_handler_calls{0};
void own_handler(int) { ++own_handler_calls; }

sighandler_t handler_of(int number) {
  struct sigaction now {};
  sigaction(number, nullptr, &now);
  return now.sa_handler;
}

// Until somebody waits for it, the signal would do what it did before.
void wait_until_waited_for(int number, sighandler_t before) {
  while (handler_of(number) == before) std::this_thread::yield();
}

// All threads of the program block them, as long as it lives; there is but one.
class signals_held_back {
 public:
  explicit signals_held_back(std::initializer_list<int> signals) {
    sigset_t block;
    sigemptyset(&block);
    for (const int number : signals) sigaddset(&block, number);
    pthread_sigmask(SIG_BLOCK, &block, &before_);
  }
  signals_held_back(const signals_held_back&) = delete;
  signals_held_back& operator=(const signals_held_back&) = delete;
  ~signals_held_back() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

}  // namespace

TEST_CASE("signal_wait returns the signal that came, to a fiber and to a plain thread") {
  const auto before = handler_of(SIGUSR1);
  weft::runtime r;
  auto f = r.spawn([] { return weft::signal_wait({SIGUSR1, SIGUSR2}); });
  wait_until_waited_for(SIGUSR2, before);
  kill(getpid(), SIGUSR2);
  CHECK(f.join() == SIGUSR2);
  std::thread thread([] { CHECK(weft::signal_wait({SIGUSR1}) == SIGUSR1); });
  wait_until_waited_for(SIGUSR1, before);
  kill(getpid(), SIGUSR1);
  thread.join();
}

TEST_CASE("what was set for a signal before is in force again afterwards") {
  struct sigaction own {
  }, before{};
  own.sa_handler = &own_handler;
  sigaction(SIGUSR1, &own, &before);
  own_handler_calls = 0;
  weft::runtime r;
  auto f = r.spawn([] { return weft::signal_wait({SIGUSR1}); });
  wait_until_waited_for(SIGUSR1, &own_handler);
  kill(getpid(), SIGUSR1);
  CHECK(f.join() == SIGUSR1);
  CHECK(own_handler_calls == 0);
  CHECK((handler_of(SIGUSR1) == &own_handler));
  raise(SIGUSR1);
  CHECK(own_handler_calls == 1);
  // One that is set while somebody waits is not overwritten.
  auto g = r.spawn([] {
    try {
      (void)weft::signal_wait({SIGUSR1});
    } catch (const weft::cancelled&) {
    }
  });
  wait_until_waited_for(SIGUSR1, &own_handler);
  struct sigaction other {};
  other.sa_handler = SIG_IGN;
  sigaction(SIGUSR1, &other, nullptr);
  g.cancel();
  g.join();
  CHECK((handler_of(SIGUSR1) == SIG_IGN));
  sigaction(SIGUSR1, &before, nullptr);
}

TEST_CASE("everybody who waits for a signal is told of it, others are not") {
  const auto before = handler_of(SIGUSR1);
  weft::runtime r;
  std::vector<weft::fiber<int>> all;
  for (int i = 0; i < 10; ++i) all.push_back(r.spawn([] { return weft::signal_wait({SIGUSR1, SIGUSR2}); }));
  auto other = r.spawn([] { return weft::signal_wait({SIGHUP}); });
  wait_until_waited_for(SIGUSR1, before);
  while (r.stats().parked != 11) std::this_thread::yield();
  kill(getpid(), SIGUSR1);
  for (auto& f : all) CHECK(f.join() == SIGUSR1);
  CHECK(!other.done());
  kill(getpid(), SIGHUP);
  CHECK(other.join() == SIGHUP);
}

TEST_CASE("a signal_wait with a deadline throws timed_out when none came") {
  const auto before = handler_of(SIGUSR1);
  weft::run([] {
    CHECK_THROWS_AS((void)weft::signal_wait({SIGUSR1}, 1ms), weft::timed_out);
    CHECK_THROWS_AS((void)weft::signal_wait({SIGUSR1}, -1s), weft::timed_out);
    CHECK_THROWS_AS(weft::with_timeout(1ms, [] { return weft::signal_wait({SIGUSR1}); }), weft::timed_out);
  });
  CHECK_THROWS_AS((void)weft::signal_wait({SIGUSR1}, 1ms), weft::timed_out);
  CHECK((handler_of(SIGUSR1) == before));
}

TEST_CASE("signal_wait is a cancellation point") {
  const auto before = handler_of(SIGUSR1);
  weft::runtime r;
  auto f = r.spawn([] {
    CHECK_THROWS_AS((void)weft::signal_wait({SIGUSR1}), weft::cancelled);
    CHECK_THROWS_AS((void)weft::signal_wait({SIGUSR1}, -1s), weft::cancelled);
  });
  wait_until_waited_for(SIGUSR1, before);
  f.cancel();
  f.join();
  CHECK((handler_of(SIGUSR1) == before));
}

TEST_CASE("a signal that has come is told, also to one who has been cancelled meanwhile") {
  const auto before = handler_of(SIGUSR1);
  weft::runtime r({.workers = 1});
  auto f = r.spawn([] {
    CHECK(weft::signal_wait({SIGUSR1}) == SIGUSR1);
    CHECK_THROWS_AS(weft::this_fiber::check_cancelled(), weft::cancelled);
  });
  wait_until_waited_for(SIGUSR1, before);
  while (weft::stats().parked == 0) std::this_thread::yield();
  std::atomic<bool> cancelled{false}, raised{false};
  auto holds_the_worker = r.spawn([&] {
    f.cancel();
    cancelled = true;
    while (!raised) {
    }
  });
  while (!cancelled) std::this_thread::yield();
  raise(SIGUSR1);  // and its handler has run
  raised = true;
  holds_the_worker.join();
  f.join();
  CHECK((handler_of(SIGUSR1) == before));
}

TEST_CASE("a signal that all threads of the program block is heard, too") {
  const auto before = handler_of(SIGUSR2);
  sigset_t block, mask;
  sigemptyset(&block);
  sigaddset(&block, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &block, &mask);
  weft::runtime r;
  auto f = r.spawn([] { return weft::signal_wait({SIGUSR2}); });
  wait_until_waited_for(SIGUSR2, before);
  kill(getpid(), SIGUSR2);
  CHECK(f.join() == SIGUSR2);
  pthread_sigmask(SIG_SETMASK, &mask, nullptr);
}

TEST_CASE("a signal that all threads of the program block, and that comes between two waits, waits for the next one") {
  const signals_held_back held({SIGUSR2});
  for (std::size_t i = 0; i < scaled(50); ++i) {
    CHECK_THROWS_AS((void)weft::signal_wait({SIGUSR2}, -1s), weft::timed_out);
    kill(getpid(), SIGUSR2);
    CHECK(weft::signal_wait({SIGUSR2}) == SIGUSR2);
  }
}

TEST_CASE("of two signals that come at once one is told, the other one by the next wait") {
  const signals_held_back held({SIGUSR1, SIGUSR2});
  for (std::size_t i = 0; i < scaled(50); ++i) {
    kill(getpid(), SIGUSR1);
    kill(getpid(), SIGUSR2);
    const int first = weft::signal_wait({SIGUSR1, SIGUSR2});
    CHECK((first == SIGUSR1 || first == SIGUSR2));
    CHECK(weft::signal_wait({SIGUSR1, SIGUSR2}) == SIGUSR1 + SIGUSR2 - first);
  }
}

TEST_CASE("impossible signals are refused by name") {
  weft::run([] {
    CHECK(refuses(std::errc::invalid_argument, "for no signal", [] { return weft::signal_wait({}); }));
    CHECK(refuses(std::errc::invalid_argument, "no signal 0", [] { return weft::signal_wait({0}); }));
    CHECK(refuses(std::errc::invalid_argument, "no signal 4000", [] { return weft::signal_wait({SIGUSR1, 4000}); }));
    CHECK(refuses(std::errc::invalid_argument, "which faults raise", [] { return weft::signal_wait({SIGSEGV}); }));
    CHECK(refuses(std::errc::invalid_argument, "signal_wait() of signal 9", [] {
      return weft::signal_wait({SIGUSR1, SIGKILL});
    }));
  });
  CHECK((handler_of(SIGUSR1) == SIG_DFL));
}

TEST_CASE("a signal that stands before an impossible one keeps what was set for it") {
  const auto before = handler_of(SIGHUP);
  CHECK(refuses(std::errc::invalid_argument, "signal_wait() of signal 9", [] {
    return weft::signal_wait({SIGHUP, SIGKILL});
  }));
  CHECK((handler_of(SIGHUP) == before));
}

TEST_CASE("signals arrive while waits come and go") {
  struct sigaction ignore {
  }, before{};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGUSR1, &ignore, &before);
  weft::runtime r;
  std::atomic<int> got{0};
  auto waiter = r.spawn([&got] {
    while (got < int(scaled(200))) {
      try {
        if (weft::signal_wait({SIGUSR1}, 100us) == SIGUSR1) ++got;
      } catch (const weft::timed_out&) {
      }
    }
  });
  while (!waiter.done()) {
    kill(getpid(), SIGUSR1);
    std::this_thread::yield();
  }
  waiter.join();
  const auto take_what_was_kept = [] {
    while (weft::signal_wait({SIGUSR1}, -1s) == SIGUSR1) {
    }
  };
  CHECK_THROWS_AS(take_what_was_kept(), weft::timed_out);
  sigaction(SIGUSR1, &before, nullptr);
}
