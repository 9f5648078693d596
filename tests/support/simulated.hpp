// SPDX-License-Identifier: BSL-1.0
// A simulated runtime: one worker, a clock that jumps when all fibers wait, and a seeded choice among the ready ones.
// Tests that would sleep use it instead; what depends on the order of things is tried in many orders.
//
// A failing seed is printed; with it in the environment variable WEFT_SEED only that one is run.
//
// It has no descriptors. Plain threads are not simulated: a fiber that they wake waits in real time, and the clock jumps
// over them when a timer is set meanwhile. On the worker's thread std::chrono::steady_clock is the virtual clock.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <type_traits>
#include <utility>
#include <weft/weft.hpp>

#include "sched/seams.hpp"
#include "support/function_ref.hpp"

namespace weft::test {

class virtual_clock final : public detail::clock {
 public:
  [[nodiscard]] std::int64_t now() noexcept override { return now_.load(std::memory_order_relaxed); }
  void advance(std::int64_t by) noexcept;
  // From now on the calling thread lives in this clock's time.
  void adopt_this_thread() noexcept;

 private:
  std::atomic<std::int64_t> now_{1'000'000'000'000};  // some point that no real clock shows for long
};

class seeded_choice final : public detail::chooser {
 public:
  seeded_choice(std::uint64_t seed, virtual_clock& clock) noexcept
      : state_(seed * 0x9e3779b97f4a7c15u + 1), clock_(clock) {}
  std::size_t choose(std::size_t count) noexcept override;

 private:
  std::uint64_t state_;
  virtual_clock& clock_;
};

class simulation {
 public:
  explicit simulation(std::uint64_t seed, options with = {});
  ~simulation();
  simulation(const simulation&) = delete;
  simulation& operator=(const simulation&) = delete;

  [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }
  [[nodiscard]] weft::runtime& runtime() noexcept { return runtime_; }
  [[nodiscard]] virtual_clock& clock() noexcept { return clock_; }

  // Like weft::run(), for a body that returns nothing.
  template <class F> void run(F&& body) {
    std::exception_ptr error;
    {
      auto main = runtime_.spawn({.name = "main"}, std::forward<F>(body));
      try {
        main.join();
      } catch (...) {
        error = std::current_exception();
      }
    }
    runtime_.shutdown();
    detail::throw_unobserved(runtime_, std::move(error));
  }

 private:
  static detail::seams parts(virtual_clock& clock, seeded_choice& choice);

  std::uint64_t seed_;
  virtual_clock clock_;
  seeded_choice choice_;
  weft::runtime runtime_;
};

// Runs `body` on a simulated runtime, once for each of `seeds` seeds, or of WEFT_SEEDS if that is more. What it throws
// comes out, after its seed.
void simulate_each(function_ref<void()> body, std::size_t seeds);
// Each time a copy of it.
template <class F> void simulate(const F& body, std::size_t seeds = 24) {
  simulate_each(
      [&] {
        auto own = body;
        own();
      },
      seeds);
}

}  // namespace weft::test
