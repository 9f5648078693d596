// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <system_error>
#include <vector>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "support/alone.hpp"
#include "support/refusal.hpp"
#include "support/scale.hpp"
#include "support/simulated.hpp"
#include "sync/company.hpp"

using namespace std::chrono_literals;
using weft::test::await_waiters;
using weft::test::company;
using weft::test::refuses;
using weft::test::simulate;
using weft::test::waiters_of;

TEST_CASE("a wait group is waited for until all is done, and can be used again") {
  simulate([] {
    weft::wait_group group;
    group.wait();
    for (int use = 0; use < 3; ++use) {
      int done = 0;
      group.add(3);
      CHECK(group.count() == 3);
      std::vector<weft::fiber<void>> all;
      for (int i = 0; i < 3; ++i)
        all.push_back(weft::spawn([&] {
          ++done;
          group.done();
        }));
      group.wait();
      CHECK(done == 3);
      for (auto& f : all) f.join();
    }
  });
}

TEST_CASE("a wait group that is done more than it was added to says so, and is as before") {
  weft::wait_group group;
  const auto too_much = [&](auto f) { return refuses(std::errc::invalid_argument, "more was done than was added", f); };
  CHECK(too_much([&] { return group.done(), 0; }));
  group.add(2);
  CHECK(too_much([&] { return group.add(-3), 0; }));
  CHECK(group.count() == 2);
  CHECK(refuses(std::errc::value_too_large, "beyond max()", [&] { return group.add(weft::wait_group::max()), 0; }));
  CHECK(group.count() == 2);
  group.add(-2);
  group.wait();
}

TEST_CASE("fibers, threads and tasks wait for each other with a wait group") {
  weft::run([] {
    weft::wait_group work, end;
    std::atomic<int> done{0}, seen{0};
    const std::size_t rounds = weft::test::scaled(200, 20);
    for (std::size_t round = 0; round < rounds; ++round) {
      company workers, waiters;
      done = seen = 0;
      work.add(std::ssize(weft::test::kinds));
      for (const auto k : weft::test::kinds) {
        waiters.start(
            k,
            [&] {
              work.wait();
              seen += done;
            },
            [&]() -> weft::stackless::task<> {
              co_await work.async_wait();
              seen += done;
            });
        workers.start(
            k,
            [&] {
              ++done;
              work.done();
            },
            [&]() -> weft::stackless::task<> {
              ++done;
              work.done();
              co_return;
            });
      }
      workers.join();
      waiters.join();
      CHECK(seen == int(std::size(weft::test::kinds) * std::size(weft::test::kinds)));
    }
  });
}

TEST_CASE("waiting for a wait group ends by its deadline or by cancellation, and leaves no trace") {
  simulate([] {
    weft::wait_group group;
    group.add();
    CHECK(!group.wait_for(1s));
    CHECK(!group.wait_until(-1s));
    auto f = weft::spawn([&] { group.wait(); });
    await_waiters(group, 1);
    f.cancel();
    CHECK(refuses(std::errc::operation_canceled, "cancelled", [&] { return f.join(), 0; }));
    CHECK(waiters_of(group) == 0);
    group.done();
    CHECK(group.wait_until(-1s));
  });
}

TEST_CASE("planted: a wait group is destroyed while somebody waits" * doctest::skip()) {
  weft::run([] {
    auto group = std::make_unique<weft::wait_group>();
    group->add();
    auto f = weft::spawn([&] { group->wait(); });
    await_waiters(*group, 1);
    group.reset();
  });
}

TEST_CASE("destroying a wait group that is waited for ends the process and says so") {
  const auto end = weft::test::run_alone("planted: a wait group is destroyed while somebody waits");
  CHECK(end.signal == SIGABRT);
  CHECK(end.said_this("a wait_group was destroyed while somebody waits for it"));
}
