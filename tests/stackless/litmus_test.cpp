// SPDX-License-Identifier: BSL-1.0
// The protocol of switching among tasks with two actors that meet at every moment: a worker that runs a task, and a
// thread or a worker that wakes it, cancels it, joins it or lets it go.
#include <doctest/doctest.h>

#include <atomic>
#include <cstddef>
#include <optional>
#include <thread>
#include <utility>
#include <vector>
#include <weft/net/unix_stream.hpp>
#include <weft/stackless.hpp>
#include <weft/sync/event.hpp>
#include <weft/weft.hpp>

#include "stackless/tasks.hpp"
#include "support/litmus.hpp"
#include "support/scale.hpp"

namespace {

using weft::stackless::create_task;
using weft::stackless::run;
using weft::stackless::sleep;
using weft::stackless::task;
using weft::stackless::task_handle;
using weft::stackless::yield;
using weft::test::patient_rounds;
using weft::test::scaled;
using weft::test::spin_until;
using weft::test::stagger;

// Counts how many frames of a task are alive.
struct frame_guard {
  explicit frame_guard(std::atomic<int>& n) : alive(&n) { ++n; }
  frame_guard(frame_guard&& other) noexcept : alive(std::exchange(other.alive, nullptr)) {}
  frame_guard& operator=(frame_guard&&) = delete;
  ~frame_guard() {
    if (alive) --*alive;
  }
  std::atomic<int>* alive;
};

task<> answers(weft::event& question, weft::event& answer, std::size_t rounds) {
  for (std::size_t i = 0; i < rounds; ++i) {
    co_await question.async_wait();
    question.reset();
    answer.set();
  }
}

task<> sleeps_until_cancelled(std::atomic<bool>& started, std::atomic<std::size_t>& cancellations,
                              const std::atomic<bool>& done) {
  started = true;
  while (!done) {
    try {
      co_await sleep(weft::never);
    } catch (const weft::cancelled&) {
      ++cancellations;
    }
  }
}

task<> sleeps_until_done() { co_await sleep(weft::never); }

// The child ends only when it has been told to stop: a cancellation that the join does not see stays unseen.
task<> joins_what_stays(std::atomic<bool>& started, std::atomic<std::size_t>& cancellations,
                        const std::atomic<bool>& done) {
  auto stays = create_task(sleeps_until_done());
  stagger wait(6);
  for (started = true; !done;) {
    wait(256);
    try {
      co_await stays;
    } catch (const weft::cancelled&) {
      ++cancellations;
    }
  }
  stays.cancel();
}

task<> ends_at_once() { co_return; }

// One child after the other, each taken by whoever is free, until it has been told to stop. Others are kept, so that many a
// child lies in memory that is new to who cancels.
task<std::size_t> joins_in_turn(std::atomic<bool>& started, std::atomic<std::size_t>& cancellations,
                                const std::atomic<bool>& done) {
  std::size_t joined = 0;
  std::vector<task_handle<>> kept;
  stagger wait(5);
  const auto child = [](std::size_t turns) -> task<std::size_t> {
    stagger spins(turns + 1);
    spins(512);
    co_return turns;
  };
  for (started = true; !done; ++joined) {
    if (kept.size() == 4'000) kept.clear();
    kept.push_back(create_task(ends_at_once()));
    auto one = create_task(child(joined));
    wait(512);  // another worker may take it, and it may even have ended
    for (bool has_ended = false; !has_ended;) {
      try {
        const std::size_t turns = co_await one;
        has_ended = true;
        if (turns != joined) CHECK(false);
      } catch (const weft::cancelled&) {
        ++cancellations;
      }
    }
  }
  co_return joined;
}

task<int> spins(frame_guard, std::atomic<bool>& started, std::size_t turns) {
  started = true;
  stagger wait(turns + 1);
  wait(256);
  co_return int(turns);
}

// Ends when its joiner is to be seen, and thus is suspended or about to be.
task<std::thread::id> ends_when_joined(std::atomic<bool>& started) {
  started = true;
  const weft::detail::task_core& self = *weft::detail::task_desk_on_entry()->running();
  while (!self.end.who_joins_directly()) co_await yield();
  co_return std::this_thread::get_id();
}

// How often the count that the task keeps was not that of its cancellations.
template <class Handle> std::size_t cancel_again_and_again(Handle& handle, const std::atomic<std::size_t>& delivered) {
  stagger wait(2);
  std::size_t wrong = 0;
  const patient_rounds rounds(scaled(20'000));
  for (std::size_t i = 1; rounds.has(i); ++i) {
    handle.cancel();
    spin_until([&] { return delivered >= i; });
    wait(1024);
    wrong += delivered != i;
  }
  return wrong;
}

}  // namespace

// [task-1] [task-2]
TEST_CASE("a task is woken by a thread although it has not been suspended yet, and never twice") {
  const std::size_t rounds = scaled(20'000);
  weft::event question, answer;
  std::thread asker([&] {
    stagger wait(1);
    for (std::size_t i = 0; i < rounds; ++i) {
      question.set();
      answer.wait();
      answer.reset();
      wait(1024);
    }
  });
  run(answers(question, answer, rounds));
  asker.join();
}

// [task-1], and [join-4] [join-5] for the second.
TEST_CASE("a cancellation that meets a task on its way into a wait or a join is delivered once") {
  for (const auto waits : {&sleeps_until_cancelled, &joins_what_stays}) {
    std::atomic<std::size_t> cancellations{0};
    std::atomic<bool> started{false}, done{false};
    weft::runtime r({.workers = 1});
    std::optional<task_handle<>> handle;
    r.spawn([&] { handle = create_task(waits(started, cancellations, done)); }).join();
    spin_until([&] { return started.load(); });  // cancelled before, it would never run
    CHECK(cancel_again_and_again(*handle, cancellations) == 0);
    done = true;
    handle->cancel();
  }
}

// [join-4] [join-5] [join-6] The end of the child, the cancellation and the joiner on its way into the wait.
TEST_CASE("a cancellation that meets a join is delivered once, and the result of the join is not lost") {
  for (const unsigned workers : {1u, 2u}) {
    std::atomic<std::size_t> cancellations{0};
    std::atomic<bool> started{false}, done{false};
    weft::runtime r({.workers = workers});
    std::optional<task_handle<std::size_t>> handle;
    r.spawn([&] { handle = create_task(joins_in_turn(started, cancellations, done)); }).join();
    spin_until([&] { return started.load(); });
    CHECK(cancel_again_and_again(*handle, cancellations) == 0);
    done = true;
    r.spawn([&] {
       CHECK(weft::await([](auto& h) -> task<std::size_t> { co_return co_await h; }(*handle)) > 0);
     }).join();
    spin_until([&] { return r.stats().live_tasks == 0; });  // its worker counts it last
  }
}

// [join-5] A thread does what `cancel` does, and is held up between its two steps.
TEST_CASE("a cancellation that is still under way when it strikes does not end the next join too") {
  std::atomic<weft::detail::task_core*> joiner{nullptr}, child{nullptr};
  std::atomic<bool> marked{false}, done{false};
  std::atomic<std::size_t> cancellations{0};
  const auto joins_again = [&]() -> task<> {
    auto stays = create_task([](auto& self) -> task<> {
      self = weft::detail::task_desk_on_entry()->running();
      co_await sleep(weft::never);
    }(child));
    while (!child) co_await yield();
    joiner = weft::detail::task_desk_on_entry()->running();
    spin_until([&] { return marked.load(); });
    while (!done) {
      try {
        co_await stays;
      } catch (const weft::cancelled&) {
        ++cancellations;
      }
    }
    stays.cancel();
  };
  weft::runtime r({.workers = 1});
  std::optional<task_handle<>> handle;
  r.spawn([&] { handle = create_task(joins_again()); }).join();
  spin_until([&] { return joiner.load() != nullptr; });
  const auto is_joining = [&] { return child.load()->end.shows_directly(*joiner); };

  REQUIRE(joiner.load()->end.lock());
  CHECK_FALSE(joiner.load()->word.cancel());
  marked = true;
  for (int i = 0; i < 1000 && !is_joining(); ++i) std::this_thread::yield();  // which should not come
  const bool ended_a_join = child.load()->end.take_back(*joiner);
  joiner.load()->end.unlock();
  if (ended_a_join) joiner.load()->unpark(*joiner);

  spin_until(is_joining);
  CHECK_FALSE(ended_a_join);
  CHECK(cancellations == 1);
  done = true;
  handle->cancel();
  handle.reset();
  spin_until([&] { return r.stats().live_tasks == 0; });
  CHECK(cancellations == 2);
}

// [task-3] The wake-up for the data comes while the operation is being tried, or before its frame is suspended.
TEST_CASE("an operation whose descriptor becomes ready at any moment of its wait is finished") {
  const std::size_t rounds = scaled(10'000);
  weft::runtime r({.workers = 1});
  auto [ours, theirs] = weft::net::unix_stream::pair();
  std::size_t received = 0;
  std::atomic<bool> ended{false};
  r.spawn([&, stream = std::move(theirs)]() mutable {
     create_task([](weft::net::unix_stream s, std::size_t& sum, std::atomic<bool>& end, std::size_t n) -> task<> {
       std::byte one[1];
       for (std::size_t i = 0; i < n; ++i) {
         sum += co_await s.async_read_some(one);
         co_await s.async_write_all(one);
       }
       end = true;
     }(std::move(stream), received, ended, rounds))
         .detach();
   }).join();
  stagger wait(3);
  std::byte one[1] = {};
  for (std::size_t i = 0; i < rounds; ++i) {
    ours.write_all(one);
    ours.read_exact(one);
    wait(1024);
  }
  while (!ended) std::this_thread::yield();
  CHECK(received == rounds);
}

// [task-4]
TEST_CASE("a task that ends on one worker may be destroyed by its joiner on another at once") {
  std::atomic<int> alive{0};
  run(
      [](std::atomic<int>& frames) -> task<> {
        for (std::size_t i = 0; i < scaled(20'000); ++i) {
          std::atomic<bool> started{false};
          auto child = create_task(spins(frame_guard(frames), started, i));
          if (i % 4) {  // another worker takes it
            for (std::size_t k = 0; k < 1000 && !started; ++k) std::this_thread::yield();
          }
          if (co_await child != int(i)) CHECK(false);
          if (frames != 0) CHECK(false);
        }
      }(alive),
      {.workers = 2});
  CHECK(alive == 0);
}

// [task-5]
TEST_CASE("who joins a task of another worker goes on on his own") {
  const auto join_again_and_again = []() -> task<std::size_t> {
    std::size_t elsewhere = 0;
    for (std::size_t i = 0; i < scaled(2'000); ++i) {
      const std::thread::id here = std::this_thread::get_id();
      std::atomic<bool> started{false};
      auto child = create_task(ends_when_joined(started));
      for (std::size_t k = 0; k < 1000 && !started; ++k) std::this_thread::yield();
      elsewhere += co_await child != here;
      if (std::this_thread::get_id() != here) CHECK(false);
    }
    co_return elsewhere;
  };
  // On a machine that is busy with others, nobody may come for the child.
  const patient_rounds rounds(100);
  std::size_t elsewhere = 0;
  for (std::size_t i = 1; rounds.has(i) && elsewhere == 0; ++i) elsewhere = run(join_again_and_again(), {.workers = 2});
  CHECK(elsewhere > 0);
}

// [task-4] and [join-2].
TEST_CASE("a task whose handle is dropped at the moment of its end is destroyed once") {
  std::atomic<int> alive{0};
  std::atomic<bool> started{false};
  weft::runtime r({.workers = 1});
  const std::size_t rounds = scaled(10'000);
  for (std::size_t i = 0; i < rounds; ++i) {
    std::optional<task_handle<int>> handle;
    started = false;
    r.spawn([&] { handle = create_task(spins(frame_guard(alive), started, i)); }).join();
    while (!started) std::this_thread::yield();
    handle.reset();
    while (alive != 0) std::this_thread::yield();
  }
  spin_until([&] { return r.stats().live_tasks == 0; });  // its worker counts it last
}
