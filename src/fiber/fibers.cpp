// SPDX-License-Identifier: BSL-1.0
#include "fiber/fibers.hpp"

#include <algorithm>
#include <cstdio>
#include <system_error>
#include <utility>
#include <weft/detail/fiber/cancel_frame.hpp>
#include <weft/fiber/fiber_ref.hpp>

#include "context/raw_line.hpp"
#include "context/shadow_stack.hpp"
#include "fiber/dump.hpp"
#include "fiber/ending.hpp"
#include "fiber/lock_witness.hpp"
#include "fiber/switching.hpp"
#include "poll/clock.hpp"
#include "sched/unobserved.hpp"

namespace weft::detail {
namespace {

constexpr std::int64_t tidy_period = 10'000'000;  // ns; see `stack_cache::trim`

stack_options options_of(const environment& with) {
  stack_options result;
  result.default_size = with.settings.stack_size;
  result.unguarded_allowed = with.settings.unguarded_stacks;
  if (with.debug.mprotect_guards) result.guards = guard_method::protect;
  result.mapping_limit = with.debug.mappings;
  return result;
}

}  // namespace

std::unique_ptr<population> make_fibers(scheduler& on) { return std::make_unique<fibers>(on); }

fibers::fibers(scheduler& on) : owner_(on), number_(on.number()), stacks_(options_of(on.settings())) {
  verify_exception_state();
  verify_no_shadow_stack();
  if (on.settings().debug.locks) testify_of_locks();
  usual_.size_class = std::uint8_t(stacks_.default_class());
  usual_.movable = on.settings().settings.movable;
  if (on.settings().settings.overflow_report) overflow_.emplace(&describe_overflow);
}

fibers::~fibers() {
  while (runnable* const failed = failed_.pop_front()) (void)take_left_error(block_of(*failed));
}

std::unique_ptr<population::resident> fibers::move_in(worker& at) { return std::make_unique<fiber_desk>(*this, at); }

std::uint64_t fibers::ended() const noexcept {
  std::uint64_t sum = 0;
  for (unsigned i = 0; i < owner_.worker_count(); ++i)
    sum += desk_of(owner_.worker_at(i)).ended.load(std::memory_order_acquire);  // pairs with `count`
  return sum;
}

std::uint64_t fibers::started() const noexcept {
  std::uint64_t sum = 0;
  for (unsigned i = 0; i < owner_.worker_count(); ++i)
    sum += desk_of(owner_.worker_at(i)).spawned.load(std::memory_order_acquire);  // likewise
  return sum + spawned_outside.load(std::memory_order_acquire);
}

void fibers::cancel_all() noexcept { cancel_root(); }

void fibers::cancel_root() noexcept {
  root_cancelled_.store(true, std::memory_order_seq_cst);
  wake_list woken;
  blocks_.for_each([&woken](control_block& block) {
    if (block.end.has_ended() || !block.end.lock()) return;
    if (block.parent || block.base.requested.exchange(true, std::memory_order_acq_rel)) {
      block.end.unlock();
      return;
    }
    block.next_cancelled = nullptr;
    request_all(&block, woken);
  });
  woken.unpark_all();
}

bool fibers::unhandled(control_block& failed) noexcept {
  if (const auto& hook = owner_.settings().settings.on_unhandled) {
    // Not to be interrupted, if it runs on a fiber.
    std::optional<cancel_frame> shielded;
    if (current_fiber()) shielded.emplace(cancel_frame::kind::shield, never);
    hook(std::exchange(failed.error, nullptr), fiber_ref(&failed, fiber_id(failed.id)));
    return false;
  }
  if (!owner_.errors_are_taken) {
    raw_line line;
    line.text("weft: ");
    add_description(line, failed);
    tell_unobserved(line.text(", ends its runtime by"), failed.error);
  }
  {
    const std::lock_guard guard(errors_lock_);
    failed_.push_back(failed);
  }
  cancel_root();
  owner_.of(kind::tasks).cancel_all();
  return true;
}

void fibers::take_errors(std::vector<std::exception_ptr>& to) {
  const std::lock_guard guard(errors_lock_);
  while (runnable* const failed = failed_.front()) {
    to.emplace_back();
    (void)failed_.pop_front();
    to.back() = take_left_error(block_of(*failed));
  }
}

void fibers::add_to(stats_snapshot& sum) const noexcept {
  const std::uint64_t gone = ended(), spawned = started();  // in this order
  std::uint64_t parked = 0;
  blocks_.for_each([&parked](const control_block& block) {
    // Not one that was woken and has not run yet; nor one that waits for a stack, which has not started.
    if (!block.end.has_ended() && block.waits_for.load(std::memory_order_acquire) && block.is_waiting()) ++parked;
  });
  const stack_stats stacks = stacks_.stats();
  sum.spawned += spawned;
  sum.live_fibers += spawned - gone;
  sum.parked += parked;
  const std::size_t reserved = std::min(lack_.in_reserve(), stacks.in_use);
  sum.stacks_in_use += stacks.in_use - reserved;
  sum.stacks_pooled += stacks.pooled + reserved;
  sum.stack_bytes += stacks.bytes;
}

void fibers::dump(int fd) const noexcept {
  blocks_.for_each([fd](control_block& block) { dump_fiber(block, fd); });
}

fiber_desk::fiber_desk(fibers& of, worker& on)
    : all(of), at(on), number(of.number()), blocks(of.blocks()), stacks(of.stacks()) {
  reserve_ = of.stacks().take(of.usual_traits().size_class);
  of.lack().reserved(+1);
}

fiber_desk::~fiber_desk() {
  if (stack* const s = take_reserve()) all.stacks().give(s);
}

stack* fiber_desk::try_take(unsigned size_class) noexcept {
  try {
    return stacks.take(size_class);
  } catch (...) {
    return nullptr;
  }
}

stack* fiber_desk::take_reserve() noexcept {
  if (reserve_) all.lack().reserved(-1);
  return std::exchange(reserve_, nullptr);
}

void fiber_desk::fill_reserve() noexcept {
  if (reserve_) return;
  reserve_ = try_take(all.usual_traits().size_class);
  if (reserve_) all.lack().reserved(+1);
}

void fiber_desk::thread_started(worker&) {
  this_thread.fiber = &current_;
  exceptions = this_thread.exceptions = &exception_state::of_this_thread();
  if (!all.owner().settings().settings.overflow_report) return;
  try {
    signal_stack_.emplace();
  } catch (const std::system_error& e) {  // no reason not to run fibers
    std::fprintf(stderr, "%s; a stack overflow on worker %u will not be named\n", e.what(), at.index());
  }
}

void fiber_desk::thread_ending(worker&) noexcept {
  waits.stop();
  this_thread.fiber = nullptr;
  signal_stack_.reset();
}

// As long as there is surplus the worker comes back, or the memory of a peak would stay with an idle runtime.
std::int64_t fiber_desk::tidy(std::int64_t now) noexcept {
  if (all.lack().is_on()) stacks.give_back();  // others may need them, or what they are made of
  const std::int64_t due = all.lack().attend(*this, now);
  const bool generators = generator_stacks && generator_stacks->has_surplus();
  if (!stacks.has_surplus() && !generators) return due;
  if (now - tidied_at_ < tidy_period) return std::min(due, tidied_at_ + tidy_period);
  // It does a part at a time; what is ready comes first.
  if (stacks.trim() || (generators && generator_stacks->trim())) return now;
  tidied_at_ = now;
  return std::min(due, now + tidy_period);
}

context_place* fiber_desk::place_of_running(bool to_change) noexcept {
  control_block* const fiber = running();
  if (!fiber) return nullptr;
  if (to_change) fiber->has_belongings = true;
  return &fiber->context;
}

std::size_t fiber_desk::describe_running(worker&, char* out, std::size_t size) const noexcept {
  control_block* const fiber = current_.load(std::memory_order_acquire);  // pairs with `set_running`
  return fiber ? describe(*fiber, out, size) : 0;
}

}  // namespace weft::detail
