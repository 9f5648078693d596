// SPDX-License-Identifier: BSL-1.0
// What becomes of a fiber whose handle goes.
#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <weft/weft.hpp>

#include "support/alone.hpp"
#include "support/simulated.hpp"

using namespace std::chrono_literals;
using weft::test::simulate;

TEST_CASE("a dropped handle cancels the fiber and waits for its end") {
  simulate([] {
    bool unwound = false;
    {
      auto f = weft::spawn([&unwound] {
        const struct guard {
          bool& flag;
          ~guard() {
            weft::shield([] { weft::this_fiber::sleep_for(1s); });
            flag = true;
          }
        } g{unwound};
        weft::this_fiber::sleep_until(weft::never);
      });
      weft::this_fiber::sleep_for(1ms);
    }
    CHECK(unwound);
  });
}

TEST_CASE("dropping a handle waits although the one who drops is cancelled") {
  simulate([] {
    bool ended = false;
    auto dropper = weft::spawn([&ended] {
      auto f = weft::spawn([&ended] {
        try {
          weft::this_fiber::sleep_until(weft::never);
        } catch (const weft::cancelled&) {
          weft::shield([] { weft::this_fiber::sleep_for(1s); });
          ended = true;
        }
      });
      weft::this_fiber::sleep_until(weft::never);
    });
    weft::this_fiber::sleep_for(1ms);
    dropper.cancel();
    CHECK_THROWS_AS(dropper.join(), std::system_error);
    CHECK(ended);
  });
}

TEST_CASE("a handle that is moved into another drops what that had") {
  simulate([] {
    bool first_ended = false;
    auto f = weft::spawn([&] {
      try {
        weft::this_fiber::sleep_until(weft::never);
      } catch (const weft::cancelled&) {
        first_ended = true;
        throw;
      }
    });
    weft::this_fiber::sleep_for(1ms);
    f = weft::spawn([] {});
    CHECK(first_ended);
    auto g = std::move(f);
    CHECK(!f.joinable());
    CHECK(g.joinable());
    g.join();
  });
}

TEST_CASE("a fiber that destroys its own handle detaches it") {
  simulate([] {
    auto own = std::make_unique<weft::fiber<>>();
    bool went_on = false;
    *own = weft::spawn([&own, &went_on] {
      own.reset();
      weft::this_fiber::check_cancelled();
      weft::this_fiber::sleep_for(1s);
      went_on = true;
    });
    weft::this_fiber::sleep_for(2s);
    CHECK(went_on);
  });
}

TEST_CASE("the real exception of a dropped fiber comes out of run, its cancellation does not") {
  weft::run([] {
    {
      auto f = weft::spawn([] { weft::this_fiber::sleep_until(weft::never); });
    }
  });
  CHECK_THROWS_WITH_AS(weft::run([] {
                         auto f = weft::spawn([] { throw std::runtime_error("dropped"); });
                         CHECK(f.join_until(weft::never));
                       }),
                       "dropped", std::runtime_error);
  CHECK_THROWS_WITH_AS(weft::run([] {
                         auto f = weft::spawn([] { throw std::runtime_error("detached"); });
                         CHECK(f.join_until(weft::never));
                         std::move(f).detach();
                       }),
                       "detached", std::runtime_error);
}

TEST_CASE("alone: failed fibers have handles that outlive the runtime" * doctest::skip()) {
  weft::fiber<> dropped, joined, cancelled;
  weft::run([&] {
    dropped = weft::spawn({.name = "left"}, [] { throw std::runtime_error("too late for run"); });
    joined = weft::spawn([] { throw std::runtime_error("heard of"); });
    cancelled = weft::spawn([] { weft::this_fiber::sleep_until(weft::never); });
    CHECK(dropped.join_until(weft::never));
    CHECK(joined.join_until(weft::never));
  });
  CHECK_THROWS_WITH(joined.join(), "heard of");
}

TEST_CASE("a failed fiber whose handle is dropped after the runtime is told on stderr") {
  const auto end = weft::test::run_alone("alone: failed fibers have handles that outlive the runtime");
  CHECK(end.status == 0);
  CHECK(end.said_this("\"left\", created at"));
  CHECK(end.said_this("was dropped after its runtime with an exception that nobody can observe: too late for run"));
  CHECK(end.how_often("weft: ") == 1);
}

TEST_CASE("alone: a handle goes while another fiber joins by it" * doctest::skip()) {
  simulate([] {
    std::optional f = weft::spawn([] { weft::this_fiber::sleep_until(weft::never); });
    auto joiner = weft::spawn([&] { f->join(); });
    weft::this_fiber::yield();
    f.reset();
  });
}

TEST_CASE("a handle that goes while another fiber joins by it ends the process and says so") {
  const auto end = weft::test::run_alone("alone: a handle goes while another fiber joins by it");
  CHECK(end.signal == SIGABRT);
  CHECK(end.said_this("dropped_handle_test.cpp:"));
  CHECK(end.said_this("while somebody else joined by it"));
}

// Both wait for ever, so their process ends by itself when it has seen that.
TEST_CASE("alone: a handle goes while its fiber needs what is held" * doctest::skip()) {
  weft::runtime r({.workers = 1});
  r.go({.name = "holder"}, [] {
    weft::mutex m;
    const std::lock_guard held(m);
    auto needs_it = weft::spawn({.name = "child"}, [&m] { const std::lock_guard never_comes(m); });
    while (weft::stats().parked == 0) weft::this_fiber::yield();
  });
  const auto line_of = [](const std::string& text, const char* name) {
    const auto at = text.find(name);
    return at == text.npos ? "" : text.substr(at, text.find('\n', at) - at);
  };
  const auto waits = [](const std::string& line, const char* what) { return line.find(what) != line.npos; };
  for (;;) {
    const int file = ::memfd_create("dump", MFD_CLOEXEC);
    weft::dump(file);
    std::string text(std::size_t(::lseek(file, 0, SEEK_END)), '\0');
    REQUIRE(::pread(file, text.data(), text.size(), 0) == ssize_t(text.size()));
    ::close(file);
    if (waits(line_of(text, "\"holder\""), "waits for the end of another fiber") &&
        waits(line_of(text, "\"child\""), "waits for a mutex"))
      std::_Exit(77);
  }
}

TEST_CASE("a handle that goes while its fiber needs what is held waits for ever, and the dump shows what for") {
  CHECK(weft::test::run_alone("alone: a handle goes while its fiber needs what is held").status == 77);
}
