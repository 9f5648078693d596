// SPDX-License-Identifier: BSL-1.0
// Runtimes: several at once, starts and stops, who wakes their fibers, what they are told from outside.
#include <doctest/doctest.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <stdexcept>
#include <thread>
#include <vector>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "sched/scheduler.hpp"
#include "support/alone.hpp"
#include "support/asleep.hpp"
#include "support/refusal.hpp"
#include "support/scale.hpp"

using namespace std::chrono_literals;
using weft::test::refuses;
using weft::test::run_alone;
using weft::test::scaled;

TEST_CASE("this_runtime, and shutdown on a fiber") {
  CHECK(refuses(std::errc::operation_not_permitted, "this_runtime() outside a runtime",
                [] { return weft::this_runtime().stats(); }));
  weft::run([] {
    CHECK(weft::this_runtime().stats().live_fibers == 1);
    CHECK(refuses(std::errc::operation_not_permitted, "shutdown() on a fiber",
                  [] { return weft::this_runtime().shutdown(), 0; }));
    CHECK(weft::this_runtime().spawn([] { return 2; }).join() == 2);
    std::atomic<bool> ran{false};
    weft::this_runtime().go([&ran] { ran = true; });
    while (!ran) weft::this_fiber::yield();
  });
}

TEST_CASE("a blocking call shuts down another runtime, but not its own") {
  weft::run([] {
    weft::blocking([mine = &weft::this_runtime()] {
      CHECK(refuses(std::errc::operation_not_permitted, "shutdown() in a blocking call of its own",
                    [&] { return mine->shutdown(), 0; }));
      weft::runtime other;
      CHECK(other.spawn([] { return 2; }).join() == 2);
      other.shutdown();
    });
  });
}

TEST_CASE("a runtime refuses fibers after its shutdown, and a second shutdown does nothing") {
  weft::runtime r;
  auto f = r.spawn([] { weft::this_fiber::sleep_until(weft::never); });
  r.shutdown();
  CHECK(f.done());
  CHECK(refuses(std::errc::operation_not_permitted, "after shutdown()", [&] { return r.spawn([] {}); }));
  CHECK(refuses(std::errc::operation_not_permitted, "after shutdown()", [&] { return r.go([] {}), 0; }));
  r.shutdown();
  CHECK_THROWS_AS(f.join(), std::system_error);
}

TEST_CASE("threads spawn while another one shuts the runtime down: what was accepted ends") {
  for (std::size_t i = 0; i < scaled(300); ++i) {
    weft::runtime r;
    std::atomic<bool> go{false};
    std::thread spawner([&] {
      while (!go) {
      }
      try {
        for (;;) {
          auto f = r.spawn([] { weft::this_fiber::yield(); });
          (void)f.join_until(weft::never);
        }
      } catch (const std::system_error&) {
      }
    });
    go = true;
    for (std::size_t k = 0; k < i % 50; ++k) (void)r.stats();
    r.shutdown();
    spawner.join();
  }
}

TEST_CASE("a runtime does not stop while a thread is about to spawn there") {
  weft::runtime r({.hog_threshold = 0ns});  // whose thread would be waited for before the workers
  weft::detail::scheduler& s = scheduler_of(r);
  CHECK(s.admit());
  std::atomic<int> thread_id{0};
  std::thread ending([&] {
    thread_id = gettid();
    r.shutdown();
  });
  while (s.admit()) {
    s.unpin();
    std::this_thread::yield();
  }
  while (!weft::test::is_asleep(thread_id) && !s.is_stopping()) std::this_thread::yield();
  CHECK(!s.is_stopping());
  s.unpin();
  ending.join();
  CHECK(s.is_stopping());
}

TEST_CASE("several runtimes live at once, and know their own fibers") {
  weft::runtime a({.workers = 1}), b({.workers = 2});
  auto in_a = a.spawn([&a] { return &weft::this_runtime() == &a; });
  auto in_b = b.spawn([&] {
    auto inner = a.spawn([&a] { return &weft::this_runtime() == &a; });
    return &weft::this_runtime() == &b && inner.join();
  });
  CHECK(in_a.join());
  CHECK(in_b.join());
  CHECK(a.stats().workers == 1);
  CHECK(b.stats().workers == 2);
  CHECK(weft::stats().workers == 3);
}

TEST_CASE("run is called from several threads at once") {
  std::vector<std::thread> threads;
  std::atomic<int> sum{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&sum, i] {
      for (std::size_t k = 0; k < scaled(20); ++k)
        if (weft::run([i] { return weft::spawn([i] { return i; }).join(); }) == i) ++sum;
    });
  }
  for (auto& t : threads) t.join();
  CHECK(sum == int(4 * scaled(20)));
}

TEST_CASE("runtimes start and stop by the thousand") {
  for (std::size_t i = 0; i < scaled(1000); ++i)
    CHECK(weft::run([i] { return i; }, {.workers = unsigned(1 + i % 3)}) == i);
  for (std::size_t i = 0; i < scaled(200); ++i) weft::runtime unused({.workers = 2});
}

TEST_CASE("sixteen workers on whatever there is") {
  weft::run(
      [] {
        std::vector<weft::fiber<std::size_t>> all;
        for (std::size_t i = 0; i < 200; ++i) {
          all.push_back(weft::spawn([i] {
            for (std::size_t k = 0; k < 10; ++k) weft::this_fiber::yield();
            return weft::spawn([i] { return i; }).join();
          }));
        }
        for (std::size_t i = 0; i < 200; ++i) CHECK(all[i].join() == i);
      },
      {.workers = 16});
}

TEST_CASE("a foreign thread wakes a fiber as the last act before run returns") {
  // The canceller may still be inside its call when main has been joined and the runtime is taken down. A round starts
  // and stops a runtime, milliseconds where CPUs are few; `./dev check --all` has a hundred thousand.
  std::atomic<weft::fiber_ref*> order{nullptr};
  std::atomic<bool> stop{false};
  std::thread foreign([&] {
    while (!stop) {
      if (weft::fiber_ref* const ref = order.exchange(nullptr)) ref->cancel();
    }
  });
  const std::size_t rounds = weft::test::from_environment("WEFT_TEST_LAST_ACTS", scaled(1000));
  for (std::size_t i = 0; i < rounds; ++i) {
    weft::fiber_ref ref;
    weft::runtime r({.workers = 1 + unsigned(i % 2), .hog_threshold = 0ns});
    auto f = r.spawn([] { weft::this_fiber::sleep_until(weft::never); });
    ref = f.ref();
    order = &ref;
    try {
      f.join();
      CHECK(false);
    } catch (const std::system_error&) {
    }
  }
  stop = true;
  foreign.join();
}

TEST_CASE("a foreign thread and a fiber wake each other, again and again, in one runtime") {
  weft::runtime r;
  for (std::size_t i = 0; i < scaled(20'000); ++i) {
    auto f = r.spawn([] { weft::this_fiber::sleep_until(weft::never); });
    f.cancel();
    CHECK(f.join_until(weft::never));
    std::move(f).detach();
  }
}

TEST_CASE("alone: fibers and a task of a runtime fail unobserved" * doctest::skip()) {
  const auto fails = []() -> weft::stackless::task<> {
    throw std::runtime_error("of a task");
    co_return;
  };
  {
    weft::runtime r({.workers = 1});
    r.go({.name = "first"}, [] { throw std::runtime_error("of a fiber"); });
    auto after = r.spawn([] { weft::this_fiber::sleep_until(weft::never); });
    CHECK_THROWS_AS(after.join(), std::system_error);
  }
  {
    weft::runtime r({.workers = 1});
    CHECK_THROWS_AS(r.spawn([&] {
                       weft::stackless::create_task(fails()).detach();
                       weft::this_fiber::sleep_until(weft::never);
                     }).join(),
                    std::system_error);
  }
  CHECK_THROWS_AS(weft::run([] {
                    weft::go([] { throw std::runtime_error("of run()"); });
                    weft::this_fiber::sleep_until(weft::never);
                  }),
                  std::runtime_error);
}

TEST_CASE("what nobody can observe is told on stderr where no run() throws it") {
  const auto end = run_alone("alone: fibers and a task of a runtime fail unobserved");
  CHECK(end.status == 0);
  CHECK(end.said_this("\"first\", created at"));
  CHECK(end.how_often("ends its runtime by an exception that nobody can observe: of a fiber") == 1);
  CHECK(end.how_often("ends its runtime by an exception that nobody can observe: of a task") == 1);
  CHECK_FALSE(end.said_this("of run()"));
}

TEST_CASE("workers block all signals but the synchronous ones and SIGPROF") {
  weft::run([] {
    for (int i = 0; i < 8; ++i) {
      weft::spawn([] {
        sigset_t blocked;
        REQUIRE(pthread_sigmask(SIG_BLOCK, nullptr, &blocked) == 0);
        for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGALRM, SIGUSR1, SIGPIPE, SIGWINCH, SIGVTALRM})
          CHECK(sigismember(&blocked, number) == 1);
        for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGPROF})
          CHECK(sigismember(&blocked, number) == 0);
      }).join();
    }
  });
  sigset_t own;
  REQUIRE(pthread_sigmask(SIG_BLOCK, nullptr, &own) == 0);
  CHECK(sigismember(&own, SIGINT) == 0);  // the caller's own mask is as it was
}

TEST_CASE("alone: says how many workers" * doctest::skip()) {
  try {
    weft::run([] { std::fprintf(stderr, "workers: %u\n", unsigned(weft::stats().workers)); });
  } catch (const std::system_error& e) {
    std::fprintf(stderr, "refused: %d %s\n", e.code() == std::errc::invalid_argument, e.what());
  }
}

TEST_CASE("WEFT_WORKERS, WEFT_STACK_SIZE and WEFT_DEBUG are read, and bad values are named") {
  const auto with = [](const char* variable) { return run_alone("alone: says how many workers", {variable}); };
  CHECK(with("WEFT_WORKERS=3").said_this("workers: 3"));
  CHECK(with("WEFT_WORKERS=0").said_this("refused: 1 weft: WEFT_WORKERS=0 is not between 1 and 1024"));
  CHECK(with("WEFT_WORKERS=10000").said_this("refused: 1 weft: WEFT_WORKERS=10000"));
  CHECK(with("WEFT_WORKERS=two").said_this("refused: 1 weft: WEFT_WORKERS=two is not a whole number"));
  CHECK(with("WEFT_WORKERS=").said_this("refused: 1 weft: WEFT_WORKERS= is not a whole number"));
  CHECK(with("WEFT_WORKERS=-1").said_this("refused: 1 weft: WEFT_WORKERS=-1"));
  CHECK(with("WEFT_WORKERS=2 ").said_this("refused: 1 weft: WEFT_WORKERS=2 "));
  CHECK(with("WEFT_STACK_SIZE=128K").said_this("workers: "));
  CHECK(with("WEFT_STACK_SIZE=big").said_this("refused: 1 weft: WEFT_STACK_SIZE=big"));
  CHECK(with("WEFT_STACK_SIZE=0").said_this("refused: 1 weft: WEFT_STACK_SIZE=0"));
  CHECK(with("WEFT_STACK_SIZE=100").said_this("refused: 1 weft: WEFT_STACK_SIZE=100 is not between"));
  CHECK(with("WEFT_STACK_SIZE=9999999G").said_this("refused: 1 weft: WEFT_STACK_SIZE=9999999G is not between"));
  CHECK(with("WEFT_STACK_SIZE=99999999999G").said_this("refused: 1 weft: WEFT_STACK_SIZE=99999999999G"));
  CHECK(with("WEFT_DEBUG=migrate=always,guards=mprotect").said_this("workers: "));
  CHECK(with("WEFT_DEBUG=nonsense").said_this("refused: 1 weft: WEFT_DEBUG has no \"nonsense\""));
}

TEST_CASE("bad options are refused by name") {
  CHECK(refuses(std::errc::invalid_argument, "options::workers is 10000",
                [] { return weft::run([] { return 1; }, {.workers = 10'000}); }));
  CHECK(refuses(std::errc::invalid_argument, "options::workers is 1025",
                [] { return weft::run([] { return 1; }, {.workers = 1025}); }));
  CHECK(refuses(std::errc::invalid_argument, "options::blocking_threads is 0",
                [] { return weft::run([] { return 1; }, {.blocking_threads = 0}); }));
  CHECK(refuses(std::errc::invalid_argument, "options::hog_threshold is negative",
                [] { return weft::run([] { return 1; }, {.hog_threshold = -1s}); }));
  CHECK(refuses(std::errc::invalid_argument, "options::stack_size is 1; ",
                [] { return weft::run([] { return 1; }, {.stack_size = 1}); }));
  CHECK(refuses(std::errc::invalid_argument, "options::stack_size is 18446744073709551615; ",
                [] { return weft::run([] { return 1; }, {.stack_size = ~std::size_t(0)}); }));
}
