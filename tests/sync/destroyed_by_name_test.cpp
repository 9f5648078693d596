// SPDX-License-Identifier: BSL-1.0
// What is made of another primitive has its own name when it is destroyed too early.
#include <doctest/doctest.h>

#include <memory>
#include <weft/weft.hpp>

#include "support/alone.hpp"
#include "sync/company.hpp"

using weft::test::await_waiters;
using weft::test::run_alone;

TEST_CASE("planted: a recursive_mutex is destroyed while somebody waits" * doctest::skip()) {
  weft::run([] {
    auto m = std::make_unique<weft::recursive_mutex>();
    m->lock();
    auto f = weft::spawn([&] { m->lock(); });
    await_waiters(*m, 1);
    m.reset();
  });
}

TEST_CASE("planted: an auto_reset_event is destroyed while somebody waits" * doctest::skip()) {
  weft::run([] {
    auto e = std::make_unique<weft::auto_reset_event>();
    auto f = weft::spawn([&] { e->wait(); });
    await_waiters(*e, 1);
    e.reset();
  });
}

TEST_CASE("planted: a once_flag is destroyed while somebody waits" * doctest::skip()) {
  weft::run([] {
    auto flag = std::make_unique<weft::once_flag>();
    weft::call_once(*flag, [&] {
      auto f = weft::spawn([&] { weft::call_once(*flag, [] {}); });
      await_waiters(*flag, 1);
      flag.reset();
    });
  });
}

TEST_CASE("destroying what is made of another primitive, and is waited for, ends the process and says what it was") {
  const auto says = [](const char* planted, const char* what) {
    const auto end = run_alone(planted);
    CAPTURE(end.said);
    CHECK(end.signal == SIGABRT);
    CHECK(end.said_this(what));
  };
  says("planted: a recursive_mutex is destroyed while somebody waits", "a recursive_mutex was destroyed while");
  says("planted: an auto_reset_event is destroyed while somebody waits", "an auto_reset_event was destroyed while");
  says("planted: a once_flag is destroyed while somebody waits", "a once_flag was destroyed while");
}
