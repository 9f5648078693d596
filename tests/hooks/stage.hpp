// SPDX-License-Identifier: BSL-1.0
// A scenario is written once and played by plain threads and by fibers; what its actors saw must be the same.
//
//   WEFT_SCENARIO("a read of nothing waits for a writer") {
//     auto& reader = s.start([&](transcript& says) { WEFT_CALL(says, read, fd, buffer, 8); });
//     reader.until_it_waits();
//     ...
//   }
#pragma once

#include <doctest/doctest.h>

#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <weft/weft.hpp>

#include "hooks/transcript.hpp"
#include "support/move_only_function.hpp"

namespace weft::detail {
struct control_block;
}

namespace weft::test {

class actor {
 public:
  actor(bool on_fiber, move_only_function<void(transcript&)> plays);
  actor(const actor&) = delete;
  actor& operator=(const actor&) = delete;
  ~actor() { join(); }

  // Returns when it waits in its nth noted call, from 1.
  void until_it_waits(unsigned call = 1) const;
  void join();
  // Fibers only.
  void cancel() { fiber_->cancel(); }

  [[nodiscard]] const transcript& said() const noexcept { return says_; }

 private:
  [[nodiscard]] bool waits_in(unsigned call) const;

  transcript says_;
  std::atomic<int> thread_id_{0};
  std::atomic<detail::control_block*> block_{nullptr};
  std::optional<weft::fiber<void>> fiber_;
  std::thread thread_;
};

class stage {
 public:
  explicit stage(bool on_fibers) : own_(on_fibers) {}

  // Who directs plays too: its own calls are noted here.
  [[nodiscard]] transcript& says() noexcept { return own_; }
  [[nodiscard]] bool on_fibers() const noexcept { return own_.on_fiber(); }

  // What it captures must outlive it: join it before the scenario returns.
  actor& start(move_only_function<void(transcript&)> plays) {
    return actors_.emplace_back(on_fibers(), std::move(plays));
  }
  void join_all() {
    for (auto& a : actors_) a.join();
  }

  // One after the other, the director first.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::set<std::string> called() const;

 private:
  transcript own_;
  std::deque<actor> actors_;
};

using scenario = void (*)(stage&);

// Plays it on threads; on fibers of one worker, so that a call that blocked it would hang; on movable fibers of several.
// TSan takes a close for a race with a wait for the same number, which it is: those that are about that are played under
// it on one worker, and not compared.
enum class about : bool { anything, races };
void compare(scenario play, about what = about::anything);

// For the check that each hooked function is called by some scenario.
struct listed_scenario {
  explicit listed_scenario(scenario play);
};
[[nodiscard]] std::set<std::string> called_by_all_scenarios();

}  // namespace weft::test

#define WEFT_SCENARIO_AS(name, what, function)                                        \
  static void function(weft::test::stage& s);                                         \
  static const weft::test::listed_scenario DOCTEST_CAT(function, _listed)(&function); \
  TEST_CASE(name) { weft::test::compare(&function, weft::test::about::what); }        \
  static void function([[maybe_unused]] weft::test::stage& s)
#define WEFT_SCENARIO(name) WEFT_SCENARIO_AS(name, anything, DOCTEST_ANONYMOUS(scenario_))
#define WEFT_SCENARIO_OF_RACES(name) WEFT_SCENARIO_AS(name, races, DOCTEST_ANONYMOUS(scenario_))
