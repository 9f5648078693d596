// SPDX-License-Identifier: BSL-1.0
#include "hooks/stage.hpp"

#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "fiber/fibers.hpp"
#include "support/asleep.hpp"
#include "support/scale.hpp"
#include "support/session.hpp"

namespace weft::test {
namespace {

std::vector<scenario>& listed() {
  static std::vector<scenario> all;
  return all;
}

std::string on_threads(scenario play) {
  std::string text;
  std::thread([&] {
    stage s(false);
    play(s);
    s.join_all();
    text = s.text();
  }).join();
  return text;
}

std::string on_fibers(scenario play, options with, std::set<std::string>* called = nullptr) {
  with.hog_threshold = {};  // a director who waits for an actor holds its worker
  std::string text;
  weft::run(
      [&] {
        stage s(true);
        play(s);
        s.join_all();
        text = s.text();
        if (called) *called = s.called();
      },
      with);
  return text;
}

}  // namespace

actor::actor(bool on_fiber, move_only_function<void(transcript&)> plays) : says_(on_fiber) {
  auto body = [this, plays = std::move(plays)] {
    thread_id_.store(gettid(), std::memory_order_release);
    block_.store(detail::current_fiber(), std::memory_order_release);
    plays(says_);
  };
  if (on_fiber)
    fiber_.emplace(weft::spawn(std::move(body)));
  else
    thread_ = std::thread(std::move(body));
}

void actor::join() {
  if (fiber_) {
    fiber_->join();
    fiber_.reset();
  }
  if (thread_.joinable()) thread_.join();
}

bool actor::waits_in(unsigned call) const {
  if (says_.call_now() != call) return false;
  if (!says_.on_fiber()) return is_asleep(thread_id_.load(std::memory_order_acquire));
  return block_.load(std::memory_order_acquire)->waits_for.load(std::memory_order_acquire) != nullptr;
}

void actor::until_it_waits(unsigned call) const {
  while (!waits_in(call)) weft::this_fiber::yield();
}

std::string stage::text() const {
  std::string all;
  const auto add = [&all](const transcript& t) {
    for (const auto& line : t.lines()) {
      all += line;
      all += '\n';
    }
    all += "--\n";
  };
  add(own_);
  for (const auto& a : actors_) add(a.said());
  return all;
}

std::set<std::string> stage::called() const {
  std::set<std::string> all = own_.called();
  for (const auto& a : actors_) all.insert(a.said().called().begin(), a.said().called().end());
  return all;
}

void compare(scenario play, about what) {
  if (what == about::races && active_sanitizer == sanitizer::thread) {
    on_fibers(play, {.workers = 1});
    skip("TSan reports a close as a race with who waits, on threads as well; played on one worker, not compared");
    return;
  }
  const std::string expected = on_threads(play);
  CHECK(on_fibers(play, {.workers = 1}) == expected);
  setenv("WEFT_DEBUG", "migrate=always", 1);
  CHECK(on_fibers(play, {.workers = workers(), .movable = true}) == expected);
  unsetenv("WEFT_DEBUG");
}

listed_scenario::listed_scenario(scenario play) { listed().push_back(play); }

std::set<std::string> called_by_all_scenarios() {
  std::set<std::string> all;
  for (const scenario play : listed()) {
    std::set<std::string> called;
    on_fibers(play, {.workers = 1}, &called);
    all.merge(called);
  }
  return all;
}

}  // namespace weft::test
