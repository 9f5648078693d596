// SPDX-License-Identifier: BSL-1.0
// All fibers of one runtime (`fibers`), and what each worker keeps for them (`fiber_desk`).
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <optional>
#include <vector>
#include <weft/detail/run/fifo.hpp>

#include "context/alternate_stack.hpp"
#include "context/context.hpp"
#include "context/exception_state.hpp"
#include "context/overflow.hpp"
#include "context/stack_cache.hpp"
#include "context/stack_pool.hpp"
#include "fiber/block_arena.hpp"
#include "fiber/control_block.hpp"
#include "fiber/shortage.hpp"
#include "poll/long_waits.hpp"
#include "sched/scheduler.hpp"
#include "sched/worker.hpp"

namespace weft::detail {

class fibers final : public population {
 public:
  explicit fibers(scheduler& on);
  ~fibers() override;

  std::unique_ptr<resident> move_in(worker& at) override;
  [[nodiscard]] std::uint64_t ended() const noexcept override;
  [[nodiscard]] std::uint64_t started() const noexcept override;
  void cancel_all() noexcept override;
  void add_to(stats_snapshot& sum) const noexcept override;
  void dump(int fd) const noexcept override;

  [[nodiscard]] scheduler& owner() const noexcept { return owner_; }
  [[nodiscard]] stack_pool& stacks() noexcept { return stacks_; }
  [[nodiscard]] block_arena& blocks() noexcept { return blocks_; }
  [[nodiscard]] shortage& lack() noexcept { return lack_; }
  // Which runtime of the process, from 1; the upper bits of its fibers' ids.
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }

  // Any thread. The first of a run of ids that nobody else gets.
  [[nodiscard]] std::uint64_t take_ids(std::uint64_t count) noexcept {
    return number_ << id_bits | next_id_.fetch_add(count, std::memory_order_relaxed);  // only has to be unique
  }
  static constexpr unsigned id_bits = 40;

  // What a fiber is when its spawner does not say.
  [[nodiscard]] fiber_core::traits usual_traits() const noexcept { return usual_; }

  // --- The root scope ---
  [[nodiscard]] bool is_root_cancelled() const noexcept { return root_cancelled_.load(std::memory_order_seq_cst); }
  void cancel_root() noexcept;
  // A fiber has failed, and nobody can observe its error: on_unhandled gets it, or the root is cancelled and run() throws
  // it. True: it keeps the block, with the error in it, since there may be no memory for a list.
  [[nodiscard]] bool unhandled(control_block& failed) noexcept;
  // What run() must throw besides what its own fiber threw. Emptied.
  void take_errors(std::vector<std::exception_ptr>& to) override;

  // Fibers that were spawned from plain threads, or from workers of other runtimes.
  std::atomic<std::uint64_t> spawned_outside{0};

 private:
  scheduler& owner_;
  const std::uint64_t number_;
  fiber_core::traits usual_;
  stack_pool stacks_;
  block_arena blocks_{*this};
  shortage lack_{*this};
  std::optional<overflow_report> overflow_;
  std::atomic<std::uint64_t> next_id_{1};
  std::atomic<bool> root_cancelled_{false};
  std::mutex errors_lock_;
  fifo failed_;  // under that lock; whose errors nobody has taken
};

// One worker's share. Owner only but for the counters.
class fiber_desk final : public population::resident {
 public:
  // Throws not_enough_memory when there is no stack for its reserve.
  fiber_desk(fibers& of, worker& on);
  ~fiber_desk() override;

  void thread_started(worker& at) override;
  void thread_ending(worker& at) noexcept override;
  [[nodiscard]] std::int64_t tidy(std::int64_t now) noexcept override;
  [[nodiscard]] context_place* place_of_running(bool to_change) noexcept override;
  void attend(std::int64_t now) noexcept override { (void)all.lack().attend(*this, now); }
  std::size_t describe_running(worker& at, char* out, std::size_t size) const noexcept override;

  [[nodiscard]] std::uint64_t next_id() noexcept {
    if (id_ == last_id_) [[unlikely]] {
      id_ = all.take_ids(id_run);
      last_id_ = id_ + id_run;
    }
    return id_++;
  }

  // The running fiber has done something without waiting that might have waited. True, once in a while: time to yield.
  [[nodiscard]] bool counts_out() noexcept {
    if (--patience_ != 0) [[likely]]
      return false;
    patience_ = longest_patience;
    return true;
  }

  // Who runs; null on the worker's own stack. Read by others only to describe it: the release lets them see its name.
  [[nodiscard]] control_block* running() const noexcept { return current_.load(std::memory_order_relaxed); }
  void set_running(control_block* now) noexcept { current_.store(now, std::memory_order_release); }

  static void count(std::atomic<std::uint64_t>& what) noexcept {
    // release: whoever sums sees what was counted before ([empty-1]). Written by the owner alone.
    what.store(what.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }

  // For `shortage`. Null when there is none.
  [[nodiscard]] stack* try_take(unsigned size_class) noexcept;
  [[nodiscard]] stack* take_reserve() noexcept;
  void fill_reserve() noexcept;

  fibers& all;
  worker& at;
  const std::uint64_t number;  // of the runtime
  block_cache blocks;
  stack_cache stacks;
  std::optional<stack_cache> generator_stacks;  // of the process's, once a generator has begun here
  context ground;                               // the worker's own stack
  long_waits waits{at.timers};                  // those that a look is owed when they are long
  exception_state* exceptions = nullptr;        // the thread's; zero while the worker's own stack runs
  control_block* uncommitted = nullptr;  // a movable fiber that has just switched to the worker's own stack ([park-2])
  context finished;                      // of the fiber that ended last
  std::atomic<std::uint64_t> spawned{0}, ended{0}, started{0};

 private:
  static constexpr std::uint64_t id_run = 4096;
  static constexpr unsigned longest_patience = 256;  // operations of some nanoseconds
  std::atomic<control_block*> current_{nullptr};
  unsigned patience_ = longest_patience;
  std::uint64_t id_ = 0, last_id_ = 0;
  std::int64_t tidied_at_ = 0;
  stack* reserve_ = nullptr;
  std::optional<alternate_stack> signal_stack_;
};

inline fiber_desk& desk_of(worker& at) noexcept { return at.resident<fiber_desk>(kind::fibers); }

// The running fiber. Exceptions in flight, in the body of a generator those of whoever pulls it included.
[[nodiscard]] inline int exceptions_in_flight(const control_block& self) noexcept {
  return int(self.desk->exceptions->uncaught) + self.in_flight_beneath;
}
// Whether there are no more of them than when its innermost scope was entered ([cancel-3]).
[[nodiscard]] inline bool is_open_to_cancellation(const control_block& self) noexcept {
  return exceptions_in_flight(self) == self.innermost->in_flight;
}

// Call these two on entry only, like `this_thread` itself. Null off a worker.
[[nodiscard]] inline fiber_desk* desk_on_entry() noexcept {
  return static_cast<fiber_desk*>(this_thread.residents[unsigned(kind::fibers)]);
}
// Null off a fiber.
[[nodiscard]] inline control_block* running_fiber() noexcept {
  fiber_desk* const desk = desk_on_entry();
  return desk ? desk->running() : nullptr;
}
// The same for callers that may have switched before.
[[nodiscard]] fiber_desk* desk_here() noexcept;
[[nodiscard]] control_block* current_fiber() noexcept;

}  // namespace weft::detail
