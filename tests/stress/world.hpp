// SPDX-License-Identifier: BSL-1.0
// What the fibers of one runtime share during a stress run: the end of the time, a budget, and who may be cancelled.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <stdexcept>
#include <utility>
#include <weft/weft.hpp>

#include "stress/rules.hpp"

namespace weft::stress {

// splitmix64. Each actor has its own, seeded by its parent.
class rng {
 public:
  explicit rng(std::uint64_t seed) : state_(seed) {}
  std::uint64_t operator()() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  std::uint64_t below(std::uint64_t limit) { return (*this)() % limit; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  std::chrono::microseconds up_to(std::chrono::microseconds most) {
    return std::chrono::microseconds(below(std::uint64_t(most.count()) + 1));
  }

 private:
  std::uint64_t state_;
};

// Lives in closures and frames; all must be gone in the end.
class token {
 public:
  token() noexcept { add(1); }
  token(const token&) noexcept { add(1); }
  token& operator=(const token&) noexcept = default;
  ~token() {
    must.tokens(std::exchange(alive_, dead) == living);
    add(-1);
  }
  static long count() noexcept { return living_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::uint32_t living = 0x600d600d, dead = 0xdeaddead;
  static void add(long n) noexcept { living_.fetch_add(n, std::memory_order_relaxed); }  // read at the end only
  inline static std::atomic<long> living_{0};
  volatile std::uint32_t alive_ = living;
};

// An error that a fiber throws on purpose.
struct planned : std::runtime_error {
  explicit planned(std::uint64_t which) : std::runtime_error("planned"), number(which) {}
  std::uint64_t number;
};

// References to fibers that anybody may cancel, of all runtimes, most of them long ended.
class board {
 public:
  void put(rng& random, const fiber_ref& who) {
    const std::lock_guard guard(lock_);
    slots_[random.below(slots_.size())] = who;
  }
  [[nodiscard]] fiber_ref pick(rng& random) {
    const std::lock_guard guard(lock_);
    return slots_[random.below(slots_.size())];
  }

 private:
  std::mutex lock_;
  std::array<fiber_ref, 64> slots_;
};

struct world {
  runtime* of = nullptr;
  board& everybody;
  bool movable = false;  // by default
  unsigned workers = 1;
  std::chrono::steady_clock::time_point end;
  long budget = 0;  // of actors at once

  std::atomic<long> actors{0};
  std::array<std::atomic<pid_t>, 64> threads{};  // of the workers, as far as pinned fibers have seen them
  std::atomic<std::uint64_t> spawned{0}, thrown{0}, seen{0};

  [[nodiscard]] bool is_over() const { return std::chrono::steady_clock::now() >= end; }
  [[nodiscard]] bool is_full() const { return actors.load(std::memory_order_relaxed) >= budget; }

  [[noreturn]] void fail(std::uint64_t number) {
    thrown.fetch_add(1, std::memory_order_relaxed);
    throw planned(number);
  }
  // A planned error, once; anything else is wrong.
  void see(const std::exception_ptr& error) noexcept;
};

}  // namespace weft::stress
