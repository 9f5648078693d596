// SPDX-License-Identifier: BSL-1.0
// A litmus test: a few threads, the actors, each do a few steps of a protocol at the same time, very often, and after
// every round the outcome is looked at. It knows nothing of what it tests.
#pragma once

#include <sched.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <weft/detail/base/cpu_relax.hpp>

namespace weft::test {

// Whether this thread is an actor with a CPU of its own. Such a thread spins and never gives its CPU away: on a busy
// machine two that do so hardly ever meet, and without a CPU each the kernel likes to run them in turn on one.
inline thread_local bool has_own_cpu = false;

// For what another actor does within this round.
template <class Condition> void spin_until(Condition condition) {
  for (unsigned spins = 0; !condition(); ++spins) detail::relax(has_own_cpu ? 0 : spins);
}

// Binds the calling thread to the CPU number `index` of those it may use, if there is one for each of the `actors`.
class own_cpu {
 public:
  own_cpu(std::size_t index, std::size_t actors) {
    if (sched_getaffinity(0, sizeof before_, &before_) != 0 || std::size_t(CPU_COUNT(&before_)) < actors) return;
    int cpu = -1;
    for (std::size_t left = index + 1; left != 0;) left -= CPU_ISSET(++cpu, &before_) ? 1 : 0;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    has_own_cpu = sched_setaffinity(0, sizeof one, &one) == 0;
  }
  ~own_cpu() {
    if (has_own_cpu) sched_setaffinity(0, sizeof before_, &before_);
    has_own_cpu = false;
  }
  own_cpu(const own_cpu&) = delete;
  own_cpu& operator=(const own_cpu&) = delete;

 private:
  cpu_set_t before_{};
};

// Shifts the steps of an actor against those of the others. Own seed, same sequence in every run.
class stagger {
 public:
  explicit stagger(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 1) {}

  // Waits a random while, mostly a very short one: each power of two up to some 500 ns is as likely as the next.
  void operator()() { operator()(std::uint64_t(1) << (random() % 11)); }
  // At most so many turns of an empty loop, a fraction of a nanosecond each.
  void operator()(std::uint64_t turns) {
    for (std::uint64_t left = random() % turns; left; --left)
      std::atomic_signal_fence(std::memory_order_seq_cst);  // keeps the loop
  }
  // For an actor that chooses among its steps.
  std::uint64_t random() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }

 private:
  std::uint64_t state_;
};

// How many rounds two actors do who hand each other every one: so many, or on a machine that is too busy to run both at
// once, where each round takes two turns of the kernel's, those that fit into some seconds; a hundred in any case.
class patient_rounds {
 public:
  explicit patient_rounds(std::size_t most) : most_(most) {}
  // Whether there is to be a round of this number, which counts from 1.
  [[nodiscard]] bool has(std::size_t round) const {
    if (round > most_) return false;
    return round <= 100 || round % 16 != 0 || std::chrono::steady_clock::now() < until_;
  }

 private:
  const std::size_t most_;
  const std::chrono::steady_clock::time_point until_ = std::chrono::steady_clock::now() + std::chrono::seconds(10);
};

// `rounds` times: `prepare()`, then every actor at once as `actor(stagger&)`, each always on the same thread, then
// `is_right()`. Prepare, is_right and the first actor run on the calling thread. Returns how many rounds went wrong.
// Everything an actor did happens before `is_right`, and `prepare` before every actor. Two actors find most on a small
// machine: a third one keeps one of them off its CPU.
template <class Prepare, class IsRight, class... Actors>
std::size_t litmus(std::size_t rounds, Prepare prepare, IsRight is_right, Actors... actors) {
  constexpr std::size_t others = sizeof...(Actors) - 1;
  std::atomic<std::size_t> begun{0}, ended{0};
  const auto wait_for = [](std::atomic<std::size_t>& counter, std::size_t value) {
    spin_until([&] { return counter.load(std::memory_order_acquire) >= value; });
  };
  const auto other = [&](std::size_t number, auto& actor) {
    own_cpu cpu(number, others + 1);
    stagger wait(number);
    for (std::size_t round = 1; round <= rounds; ++round) {
      wait_for(begun, round);
      wait(64);
      actor(wait);
      ended.fetch_add(1, std::memory_order_release);
    }
  };
  std::size_t wrong = 0;
  const auto first = [&](auto& actor) {
    own_cpu cpu(0, others + 1);
    stagger wait(others + 1);
    for (std::size_t round = 1; round <= rounds; ++round) {
      prepare();
      begun.store(round, std::memory_order_release);
      wait(1024);  // the others hear of the beginning some 100 ns later
      actor(wait);
      wait_for(ended, round * others);
      if (!is_right()) ++wrong;
    }
  };
  std::array<std::thread, others> threads;
  std::size_t index = 0;
  const auto start_one = [&](auto& actor) {
    threads[index] = std::thread([&, number = index + 1] { other(number, actor); });
    ++index;
  };
  const auto start = [&](auto& me, auto&... rest) {
    (start_one(rest), ...);
    first(me);
  };
  start(actors...);
  for (std::thread& t : threads) t.join();
  return wrong;
}

}  // namespace weft::test
