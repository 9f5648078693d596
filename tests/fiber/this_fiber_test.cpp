// SPDX-License-Identifier: BSL-1.0
// What the running fiber can do with itself; stats() and dump().
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>
#include <weft/weft.hpp>

#include "support/asleep.hpp"
#include "support/scale.hpp"
#include "support/simulated.hpp"

using namespace std::chrono_literals;
using weft::test::scaled;
using weft::test::simulate;
using clock_type = std::chrono::steady_clock;

namespace {

// What `dump` writes.
template <class Dump> std::string dumped(Dump dump) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  std::string text;
  std::thread reader([&] {
    char buffer[4096];
    for (ssize_t got; (got = read(ends[0], buffer, sizeof buffer)) > 0;) text.append(buffer, std::size_t(got));
  });
  dump(ends[1]);
  close(ends[1]);
  reader.join();
  close(ends[0]);
  return text;
}

std::string line_with(const std::string& text, const std::string& word) {
  const auto at = text.find(word);
  if (at == std::string::npos) return {};
  const auto begin = text.rfind('\n', at) + 1;
  return text.substr(begin, text.find('\n', at) - begin);
}

}  // namespace

TEST_CASE("off a fiber, this_fiber acts on the thread") {
  CHECK(!weft::this_fiber::on_fiber());
  CHECK(weft::this_fiber::name().empty());
  CHECK(weft::this_fiber::last_transferred() == 0);
  weft::this_fiber::yield();
  const auto begin = clock_type::now();
  weft::this_fiber::sleep_for(2ms);
  CHECK(clock_type::now() - begin >= 2ms);
  weft::this_fiber::sleep_for(-1h);
  weft::this_fiber::sleep_until(begin);
  weft::run([] { CHECK(weft::this_fiber::on_fiber()); });
}

TEST_CASE("a sleep is never early") {
  weft::run([] {
    std::vector<weft::fiber<>> all;
    for (int i = 0; i < 20; ++i) {
      all.push_back(weft::spawn([i] {
        const auto begin = clock_type::now();
        weft::this_fiber::sleep_for(i * 100us);
        CHECK(clock_type::now() - begin >= i * 100us);
        const auto at = std::chrono::system_clock::now() + 200us;
        const auto steady = clock_type::now();
        weft::this_fiber::sleep_until(at);
        CHECK(clock_type::now() - steady >= 100us);
      }));
    }
    for (auto& f : all) f.join();
  });
}

TEST_CASE("yield lets every ready fiber run before the caller goes on") {
  weft::run(
      [] {
        std::string order;
        auto f = weft::spawn([&order] {
          for (int i = 0; i < 3; ++i) {
            order += 'a';
            weft::this_fiber::yield();
          }
        });
        auto g = weft::spawn([&order] {
          for (int i = 0; i < 3; ++i) {
            order += 'b';
            weft::this_fiber::yield();
          }
        });
        f.join();
        g.join();
        CHECK(order.size() == 6);
        for (std::size_t i = 0; i + 2 < order.size(); i += 2) CHECK(order[i] != order[i + 1]);
      },
      {.workers = 1});
}

TEST_CASE("a pair that yields to each other starves neither fresh fibers nor timers, wake-ups from outside nor input") {
  weft::runtime r({.workers = 1});
  std::atomic<bool> stop{false};
  auto pair = r.spawn([&stop] {
    weft::with_scope([&stop](weft::scope& s) {
      for (int i = 0; i < 2; ++i) {
        s.spawn([&stop] {
          while (!stop) weft::this_fiber::yield();
        });
      }
    });
  });
  r.spawn([] { weft::spawn([] {}).join(); }).join();
  r.spawn([] { weft::this_fiber::sleep_for(1ms); }).join();
  auto waits = r.spawn([] { weft::this_fiber::sleep_until(weft::never); });
  waits.cancel();
  CHECK_THROWS_AS(waits.join(), std::system_error);
  r.spawn([] {
     const auto polls = weft::stats().polls;
     while (weft::stats().polls == polls) weft::this_fiber::yield();
   }).join();
  stop = true;
  pair.join();
}

TEST_CASE(
    "of fresh fibers that others keep waiting as many start together as those are, eight at most, or half of them") {
  for (const std::size_t others : {1, 3, 20}) {
    CAPTURE(others);
    weft::run(
        [others] {
          bool stop = false;
          std::size_t there = 0, turns = 0;
          std::vector<weft::fiber<>> busy, fresh;
          for (std::size_t i = 0; i < others; ++i) {
            busy.push_back(weft::spawn([&] {
              for (++there; !stop; ++turns) weft::this_fiber::yield();
            }));
          }
          while (there < others) weft::this_fiber::yield();
          std::map<std::size_t, std::size_t> together;  // how many started after that many turns of the others
          for (std::size_t i = 0; i < 48; ++i) fresh.push_back(weft::spawn([&] { ++together[turns]; }));
          for (std::size_t started = 0; started < fresh.size(); ++turns) {
            weft::this_fiber::yield();
            started = 0;
            for (const auto& [when, count] : together) started += count;
          }
          std::size_t left = fresh.size();
          for (const auto& [when, count] : together) {
            CHECK(count == std::min({others, std::size_t(8), (left + 1) / 2}));
            left -= count;
          }
          stop = true;
          for (auto& f : busy) f.join();
          for (auto& f : fresh) f.join();
        },
        {.workers = 1});
  }
}

TEST_CASE("a fiber that spawns and joins without end does not starve its siblings") {
  weft::runtime r({.workers = 1});
  std::atomic<bool> stop{false};
  auto busy = r.spawn([&stop] {
    while (!stop) weft::spawn([] {}).join();
  });
  auto recursive = r.spawn([&stop] {
    struct chain {
      static void link(std::atomic<bool>& stop, int depth) {
        if (stop || depth == 0) return;
        weft::spawn([&stop, depth] { link(stop, depth - 1); }).join();
      }
    };
    while (!stop) chain::link(stop, 50);
  });
  for (int i = 0; i < 10; ++i) r.spawn([] { weft::this_fiber::yield(); }).join();
  r.spawn([] { weft::this_fiber::sleep_for(1ms); }).join();
  stop = true;
  busy.join();
  recursive.join();
}

TEST_CASE("stats count fibers, stacks, switches and timers") {
  simulate([] {
    const auto before = weft::stats();
    CHECK(before.workers == 1);
    CHECK(before.live_fibers == 1);
    CHECK(before.timers == 0);
    std::vector<weft::fiber<>> all;
    for (int i = 0; i < 10; ++i) all.push_back(weft::spawn([] { weft::this_fiber::sleep_for(1h); }));
    CHECK(weft::stats().live_fibers == 11);
    weft::this_fiber::sleep_for(1s);
    const auto now = weft::stats();
    CHECK(now.parked == 10);
    CHECK(now.timers == 10);
    CHECK(now.spawned - before.spawned == 10);
    CHECK(now.stacks_in_use >= 11);
    CHECK(now.stack_bytes >= 11 * (256u << 10));
    CHECK(now.switches - before.switches >= 11);
    for (auto& f : all) f.join();
    CHECK(weft::stats().live_fibers == 1);
    CHECK(weft::stats().timers == 0);
  });
  CHECK(weft::stats().workers == 0);
}

TEST_CASE("a dump has a line for every fiber: id, name, what it waits for, its deadline, where it was created") {
  weft::test::simulation one(1);
  weft::fiber<> outer;
  one.run([&] {
    auto sleeper = weft::spawn({.name = "sleeper"}, [] { weft::this_fiber::sleep_for(1h); });
    auto waiting = weft::spawn({.name = "waiting"}, [&sleeper] { (void)sleeper.join_until(weft::never); });
    auto scoped = weft::spawn({.name = "scoped"}, [] {
      weft::with_scope(
          [](weft::scope& s) { s.spawn({.name = "child"}, [] { weft::this_fiber::sleep_until(weft::never); }); });
    });
    auto limited = weft::spawn({.name = "limited"},
                               [] { weft::with_timeout(2h, [] { weft::this_fiber::sleep_until(weft::never); }); });
    weft::channel<int> in, out;
    auto receiving = weft::spawn({.name = "receiving"}, [&in] { in.receive(); });
    auto sending = weft::spawn({.name = "sending"}, [&out] { out.send(1); });
    weft::this_fiber::sleep_for(1s);
    auto fresh = weft::spawn({.name = "fresh"}, [] {});
    const std::string text = dumped([](int fd) { weft::dump(fd); });
    CHECK(line_with(text, "\"sleeper\"").find("fiber " + std::to_string(sleeper.id().number())) != std::string::npos);
    CHECK(line_with(text, "\"sleeper\"").find("its sleep to end") != std::string::npos);
    CHECK(line_with(text, "\"sleeper\"").find("3599000 ms more") != std::string::npos);
    CHECK(line_with(text, "\"waiting\"").find("the end of another fiber") != std::string::npos);
    CHECK(line_with(text, "\"scoped\"").find("the children of its scope") != std::string::npos);
    CHECK(line_with(text, "\"limited\"").find("deadline") != std::string::npos);
    CHECK(line_with(text, "\"receiving\"").find("waits for a value from a channel") != std::string::npos);
    CHECK(line_with(text, "\"sending\"").find("waits for room in a channel") != std::string::npos);
    CHECK(line_with(text, "\"fresh\"").find("has not started") != std::string::npos);
    CHECK(line_with(text, "\"main\"").find("runs or is ready") != std::string::npos);
    CHECK(line_with(text, "\"child\"").find("this_fiber_test.cpp:") != std::string::npos);
    CHECK(dumped([&](int fd) { weft::this_runtime().dump(fd); }).find("\"sleeper\"") != std::string::npos);
    fresh.join();
    CHECK(dumped([](int fd) { weft::dump(fd); }).find("\"fresh\"") == std::string::npos);
    sleeper.cancel();
    scoped.cancel();
    limited.cancel();
    CHECK(line_with(dumped([](int fd) { weft::dump(fd); }), "\"sleeper\"").find("cancelled") != std::string::npos);
  });
}

TEST_CASE("a fiber that was woken and has not run yet is not parked, but ready") {
  weft::run(
      [] {
        const auto now = [] { return dumped([](int fd) { weft::dump(fd); }); };
        weft::event happened;
        auto waiting = weft::spawn({.name = "waiting"}, [&happened] { happened.wait(); });
        auto joining = weft::spawn({.name = "joining"}, [&waiting] { waiting.join(); });
        while (weft::stats().parked != 2) weft::this_fiber::yield();
        CHECK(line_with(now(), "\"joining\"").find("waits for the end of another fiber") != std::string::npos);
        joining.cancel();
        CHECK(weft::stats().parked == 1);
        CHECK(line_with(now(), "\"waiting\"").find("waits for") != std::string::npos);
        happened.set();
        CHECK(weft::stats().parked == 0);
        CHECK(line_with(now(), "\"joining\"").find("runs or is ready, cancelled") != std::string::npos);
        CHECK(line_with(now(), "\"waiting\"").find("runs or is ready") != std::string::npos);
        CHECK_THROWS_AS(joining.join(), std::system_error);
      },
      {.workers = 1});
}

TEST_CASE("dumps and stats are taken from a plain thread while fibers come and go") {
  weft::runtime r;
  std::atomic<bool> stop{false};
  auto busy = r.spawn([&stop] {
    while (!stop) {
      weft::with_scope([](weft::scope& s) {
        for (int i = 0; i < 20; ++i) s.spawn({.name = i % 2 ? "odd" : "even"}, [] { weft::this_fiber::yield(); });
      });
    }
  });
  for (std::size_t i = 0; i < scaled(200, 10); ++i) {
    const std::string text = dumped([&](int fd) { i % 2 ? r.dump(fd) : weft::dump(fd); });
    CHECK(text.find("created at") != std::string::npos);
    CHECK(r.stats().workers >= 1);
  }
  stop = true;
  busy.join();
}

TEST_CASE("a dump that has to wait for its reader keeps nobody from anything but its runtime's end") {
  constexpr int bytes = 4096;
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  REQUIRE(fcntl(ends[1], F_SETPIPE_SZ, bytes) == bytes);
  std::optional<weft::runtime> r(std::in_place);
  std::vector<weft::fiber<>> all;
  for (int i = 0; i < bytes / 10; ++i) all.push_back(r->spawn([] { weft::this_fiber::sleep_until(weft::never); }));
  std::thread dumping([&] {
    weft::dump(ends[1]);
    close(ends[1]);
  });
  for (int there = 0; there == 0;) REQUIRE(ioctl(ends[0], FIONREAD, &there) == 0);  // and the rest has no room
  CHECK(weft::stats().live_fibers == all.size());
  weft::run(
      [] {
        auto failed = weft::spawn([] { throw 1; });
        while (!failed.done()) weft::this_fiber::yield();
      },
      {.on_unhandled = [](std::exception_ptr, weft::fiber_ref) {}});
  r->shutdown();
  std::atomic<int> thread{0};
  std::atomic<bool> gone{false};
  std::thread ending([&] {
    thread = gettid();
    r.reset();
    gone = true;
  });
  while (!gone && !(thread && weft::test::is_asleep(thread))) std::this_thread::yield();
  CHECK(!gone);  // it waits for the dump
  std::size_t lines = 0;
  char buffer[bytes];
  for (ssize_t got; (got = read(ends[0], buffer, sizeof buffer)) > 0;)
    lines += std::size_t(std::count(buffer, buffer + got, '\n'));
  CHECK(lines > 0);
  dumping.join();
  ending.join();
  close(ends[0]);
}
