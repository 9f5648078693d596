// SPDX-License-Identifier: BSL-1.0
#include "support/simulated.hpp"

#include <doctest/doctest.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <weft/base/error.hpp>

#include "poll/descriptor.hpp"
#include "support/scale.hpp"

namespace {

thread_local weft::test::virtual_clock* clock_here = nullptr;
std::atomic<std::uint64_t> running_seed{0};

}  // namespace

// The test program's own definition comes before the library's. The public deadline reads this clock directly, and a
// seam there would cost every program; so time is simulated where it is read.
std::chrono::steady_clock::time_point std::chrono::steady_clock::now() noexcept {
  if (clock_here) return time_point(duration(clock_here->now()));
  timespec at{};
  clock_gettime(CLOCK_MONOTONIC, &at);
  return time_point(std::chrono::seconds(at.tv_sec) + std::chrono::nanoseconds(at.tv_nsec));
}

namespace weft::test {
namespace {

// Nothing is ever ready; a wait with an end is over at once, and the clock shows it.
class virtual_poller final : public detail::poller {
 public:
  explicit virtual_poller(virtual_clock& clock) noexcept : clock_(clock) {}
  ~virtual_poller() override { detail::descriptor::forget(*this); }

  void attach(detail::descriptor&) override {
    detail::throw_error(std::errc::operation_not_supported, "a simulated runtime has no descriptors");
  }
  void detach(detail::descriptor&) noexcept override {}

  void wait(std::int64_t timeout, detail::wake_list&) override {
    clock_.adopt_this_thread();
    if (timeout == 0) return;
    std::unique_lock guard(lock_);
    if (timeout == deadline::limit)
      changed_.wait(guard, [this] { return woken_; });
    else if (!woken_)
      clock_.advance(timeout);
    woken_ = false;
  }
  void wake() noexcept override {
    const std::lock_guard guard(lock_);
    woken_ = true;
    changed_.notify_one();
  }

 private:
  virtual_clock& clock_;
  std::mutex lock_;
  std::condition_variable changed_;
  bool woken_ = false;
};

void print_seed(std::uint64_t seed) {
  std::fprintf(stderr, "  in a simulated runtime: WEFT_SEED=%llu\n", static_cast<unsigned long long>(seed));
}

// Says with every failed check in which simulation it was.
struct seed_listener : doctest::IReporter {
  explicit seed_listener(const doctest::ContextOptions&) {}
  void log_assert(const doctest::AssertData& data) override {
    const std::uint64_t seed = running_seed.load(std::memory_order_relaxed);
    if (data.m_failed && seed != 0) print_seed(seed);
  }

  void test_case_start(const doctest::TestCaseData&) override {}
  void test_case_end(const doctest::CurrentTestCaseStats&) override {}
  void report_query(const doctest::QueryData&) override {}
  void test_run_start() override {}
  void test_run_end(const doctest::TestRunStats&) override {}
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_exception(const doctest::TestCaseException&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_message(const doctest::MessageData&) override {}
  void test_case_skipped(const doctest::TestCaseData&) override {}
};

REGISTER_LISTENER("seed", 2, seed_listener);

options one_worker(options with) {
  with.workers = 1;
  with.hog_threshold = std::chrono::nanoseconds(0);  // it watches in real time
  return with;
}

}  // namespace

void virtual_clock::advance(std::int64_t by) noexcept { now_.fetch_add(by, std::memory_order_relaxed); }

void virtual_clock::adopt_this_thread() noexcept { clock_here = this; }

std::size_t seeded_choice::choose(std::size_t count) noexcept {
  clock_.adopt_this_thread();  // the first choice comes before the first fiber
  state_ ^= state_ << 13;
  state_ ^= state_ >> 7;
  state_ ^= state_ << 17;
  return state_ % count;
}

detail::seams simulation::parts(virtual_clock& clock, seeded_choice& choice) {
  return {
      .clock = &clock, .make_poller = [&clock] { return std::make_unique<virtual_poller>(clock); }, .choice = &choice};
}

simulation::simulation(std::uint64_t seed, options with)
    : seed_(seed), choice_(seed, clock_), runtime_(one_worker(std::move(with)), parts(clock_, choice_)) {
  running_seed.store(seed, std::memory_order_relaxed);
}

simulation::~simulation() { running_seed.store(0, std::memory_order_relaxed); }

void simulate_each(function_ref<void()> body, std::size_t seeds) {
  const std::uint64_t only = from_environment("WEFT_SEED", 0), first = only ? only : 1;
  const std::uint64_t last = only ? only : std::max(scaled(seeds, 4), from_environment("WEFT_SEEDS", 0));
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    try {
      simulation one(seed);
      one.run([&] { body(); });
    } catch (...) {
      print_seed(seed);
      throw;
    }
  }
}

}  // namespace weft::test
