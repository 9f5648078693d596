// SPDX-License-Identifier: BSL-1.0
// What becomes of fibers for which there is no stack: they wait until one comes back, and spawns are refused meanwhile.
//
// A stack is bound at a fiber's first run, so a spawn cannot know whether there will be one. To fail the fiber then would
// blame its joiner for what its spawner did, and end the runtime for a fiber without one; so it waits, and the shortage
// is told to those who would make it worse.
//
// Invariants
//  - A fiber that waits here has not started and lies in no queue.
//  - Each worker keeps a stack in reserve, for fibers that are cancelled while they wait: what destroys their bodies may
//    park, like any code of others, and so needs a stack of its own.
//
// Protocol
//  [stack-1] A worker that gets no stack for a fresh fiber leaves it here with the reason, and wakes the others: their
//            caches may hold some.
//  [stack-2] As long as somebody waits, every worker looks here before it sleeps, after 10 ms of sleep, and every so often
//            while it is busy; before it sleeps it also gives back to all what it keeps. It takes those for which it has
//            a stack, the first come first, and, on its reserve, those that are cancelled or too late.
//  [stack-3] As long as somebody waits, spawns throw the reason. On a worker that costs nothing otherwise: its cache hides
//            its free blocks, so that the next spawn asks here. (Blocks that come back meanwhile are used without asking:
//            their fibers have given back their stacks, too.)
//  [stack-4] When no fiber has a stack, none will come back: those who wait fail with the reason.
//  [stack-5] The reason is seen under the lock only; who is told it gets an error of his own. What several threads share,
//            the last one frees, ordered by a count in the C++ runtime library of which race detectors do not know; and
//            an error that is caught may be changed.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <weft/base/deadline.hpp>
#include <weft/detail/run/runnable.hpp>

namespace weft::detail {

struct control_block;
class fiber_desk;
class fibers;
struct stack;

class shortage {
 public:
  explicit shortage(fibers& of) noexcept : of_(of) {}
  shortage(const shortage&) = delete;
  shortage& operator=(const shortage&) = delete;

  // Whether somebody waits. Any thread. Relaxed: the list is under the lock, and who comes too early looks again.
  [[nodiscard]] bool is_on() const noexcept { return waiting_.load(std::memory_order_relaxed) != 0; }
  // [stack-1] On the desk's worker.
  void wait(fiber_desk& desk, control_block& fresh, const std::exception_ptr& why) noexcept;
  // [stack-2] On the desk's worker. When it wants to be called again, on the clock; `deadline::limit`: never.
  std::int64_t attend(fiber_desk& desk, std::int64_t now) noexcept {
    return is_on() ? attend_slowly(desk, now) : deadline::limit;
  }
  // [stack-3] Any thread.
  void refuse_spawn() {
    if (is_on()) throw_reason();
  }

  // Workers say so of their reserves: those stacks are in nobody's use.
  void reserved(int change) noexcept { reserved_.fetch_add(std::size_t(change), std::memory_order_relaxed); }
  [[nodiscard]] std::size_t in_reserve() const noexcept { return reserved_.load(std::memory_order_relaxed); }

 private:
  void throw_reason();
  std::int64_t attend_slowly(fiber_desk& desk, std::int64_t now) noexcept;
  // Under the lock.
  void look_around(std::int64_t now) noexcept;
  class known_stacks;
  [[nodiscard]] stack* stack_for(fiber_desk& desk, known_stacks& stacks, control_block& fresh,
                                 std::int64_t now) noexcept;

  fibers& of_;
  std::mutex lock_;
  // --- Under the lock ---
  runnable* first_ = nullptr;  // linked by `next`
  runnable* last_ = nullptr;
  std::exception_ptr reason_;
  bool is_hopeless_ = false;
  bool has_complained_ = false;
  std::int64_t since_ = 0;       // when it began
  std::int64_t none_since_ = 0;  // since when no fiber has had a stack
  // ---
  std::atomic<std::size_t> waiting_{0};
  std::atomic<std::size_t> reserved_{0};
};

}  // namespace weft::detail
