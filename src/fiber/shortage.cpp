// SPDX-License-Identifier: BSL-1.0
#include "fiber/shortage.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <new>
#include <string>
#include <system_error>
#include <utility>
#include <weft/base/deadline.hpp>

#include "context/raw_line.hpp"
#include "fiber/fibers.hpp"
#include "fiber/switching.hpp"

namespace weft::detail {
namespace {

constexpr std::int64_t look_period = 10'000'000;         // ns between two looks of a worker that sleeps
constexpr std::int64_t patience = 100'000'000;           // ns without a fiber that has a stack
constexpr std::int64_t complaint_after = 1'000'000'000;  // ns
constexpr std::size_t most_started = 64;                 // that one look starts
constexpr std::size_t most_visits = 1000;                // that it looks at

// Somebody has cancelled it, or it comes too late: it will not run its body.
bool is_over(const control_block& fresh, std::int64_t now) noexcept {
  if (fresh.base.requested.load(std::memory_order_acquire)) return true;
  return !fresh.parent && (fresh.base.effective <= now || fresh.of->is_root_cancelled());
}

// What a pool of stacks has said, once more.
class no_stack final : public std::system_error {
 public:
  explicit no_stack(const std::system_error& said) : std::system_error(said.code()), what_(said.what()) {}
  [[nodiscard]] const char* what() const noexcept override { return what_.c_str(); }

 private:
  std::string what_;
};

// An error that says the same and belongs to the caller alone. [stack-5]
std::exception_ptr again(const std::exception_ptr& reason) noexcept {
  try {
    try {
      std::rethrow_exception(reason);
    } catch (const std::system_error& said) {
      throw no_stack(said);
    }
  } catch (const no_stack&) {
    return std::current_exception();
  } catch (...) {
    return std::make_exception_ptr(std::bad_alloc());
  }
}

}  // namespace

// What a look has found out about the stacks that there are, so that it asks once.
class shortage::known_stacks {
 public:
  explicit known_stacks(fiber_desk& desk) noexcept : desk_(desk) {}

  [[nodiscard]] stack* take(unsigned size_class) noexcept {
    if (none_ & std::uint64_t(1) << size_class) return nullptr;
    stack* const s = desk_.try_take(size_class);
    if (!s) none_ |= std::uint64_t(1) << size_class;
    return s;
  }

 private:
  static_assert(stack_classes <= 64);
  fiber_desk& desk_;
  std::uint64_t none_ = 0;  // a bit for each class
};

void shortage::wait(fiber_desk& desk, control_block& fresh, const std::exception_ptr& why) noexcept {
  std::exception_ptr reason = again(why);
  fresh.next = nullptr;
  fresh.waits_for.store("a stack", std::memory_order_release);
  bool is_first = false;
  {
    const std::lock_guard guard(lock_);
    is_first = !first_;
    (first_ ? last_->next : first_) = &fresh;
    last_ = &fresh;
    reason_.swap(reason);
    if (is_first) {
      since_ = none_since_ = desk.at.owner().clock().now();
      is_hopeless_ = has_complained_ = false;
    }
    waiting_.store(waiting_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  desk.blocks.hide();
  if (!is_first) return;
  const scheduler& on = of_.owner();
  // Not `worker::wake`, which passes by who has looked here just now and is about to sleep: its next `wait` returns.
  for (unsigned i = 0; i < on.worker_count(); ++i) on.worker_at(i).poller->wake();
}

void shortage::throw_reason() {
  std::exception_ptr reason;
  {
    const std::lock_guard guard(lock_);
    if (reason_) reason = again(reason_);
  }
  if (reason) std::rethrow_exception(std::move(reason));
}

// [stack-4], and a line on stderr when it takes long.
void shortage::look_around(std::int64_t now) noexcept {
  const std::size_t in_use = of_.stacks().stats().in_use;
  if (in_use > in_reserve()) none_since_ = now;
  is_hopeless_ = now - none_since_ > patience;
  if (has_complained_ || now - since_ <= complaint_after) return;
  has_complained_ = true;
  raw_line line;
  line.text("weft: ").number(waiting_.load(std::memory_order_relaxed)).text(" fibers wait for a stack: ");
  try {
    std::rethrow_exception(reason_);
  } catch (const std::exception& e) {
    line.text(e.what());
  } catch (...) {
  }
  line.write_to(STDERR_FILENO);
}

stack* shortage::stack_for(fiber_desk& desk, known_stacks& stacks, control_block& fresh, std::int64_t now) noexcept {
  if (fresh.home && fresh.home != &desk.at) return nullptr;
  if (stack* const s = stacks.take(fresh.kind.size_class)) return s;
  const bool over = is_over(fresh, now);
  if (!over && !is_hopeless_) return nullptr;
  stack* const s = desk.take_reserve();
  if (s && !over) {  // it will be destroyed like a cancelled one
    fresh.how = fate::failed;
    fresh.error = again(reason_);
    fresh.base.requested.store(true, std::memory_order_release);
  }
  return s;
}

std::int64_t shortage::attend_slowly(fiber_desk& desk, std::int64_t now) noexcept {
  desk.blocks.hide();
  desk.fill_reserve();
  std::size_t started = 0;
  std::exception_ptr unneeded;  // goes after the lock
  const std::lock_guard guard(lock_);
  look_around(now);
  known_stacks stacks(desk);
  runnable* before = nullptr;
  std::size_t visits = 0;
  for (runnable* r = first_; r && started < most_started && visits < most_visits; ++visits) {
    runnable* const next = r->next;
    control_block& fresh = block_of(*r);
    if (stack* const ground = stack_for(desk, stacks, fresh, now)) {
      (before ? before->next : first_) = next;
      if (last_ == r) last_ = before;
      fresh.waits_for.store(nullptr, std::memory_order_relaxed);
      place(desk, fresh, *ground);
      desk.at.push_ready(fresh);
      ++started;
    } else {
      before = r;
    }
    r = next;
  }
  const std::size_t left = waiting_.load(std::memory_order_relaxed) - started;
  waiting_.store(left, std::memory_order_relaxed);
  if (left == 0) unneeded.swap(reason_);
  return started ? now : left ? now + look_period : deadline::limit;
}

}  // namespace weft::detail
