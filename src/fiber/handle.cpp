// SPDX-License-Identifier: BSL-1.0
#include <unistd.h>

#include <cassert>
#include <cstdlib>
#include <new>
#include <system_error>
#include <utility>
#include <weft/base/error.hpp>
#include <weft/fiber/fiber.hpp>

#include "context/raw_line.hpp"
#include "fiber/end_wait.hpp"
#include "fiber/ending.hpp"
#include "fiber/fibers.hpp"
#include "fiber/waiting.hpp"

namespace weft::detail {
namespace {

[[noreturn, gnu::cold]] void refuse_empty(const char* what) { throw_error(std::errc::invalid_argument, what); }

constexpr awaited_end of_fiber{"the end of another fiber", "weft: fiber::join: somebody else is joining this fiber"};

// The handle goes while somebody else waits by it.
[[noreturn, gnu::cold]] void die_of_joiner(const control_block& block) noexcept {
  raw_line line;
  line.text("weft: the handle of the fiber created at ").text(block.where.file_name()).text(":");
  line.number(block.where.line()).text(" was destroyed, detached or assigned to while somebody else joined by it");
  line.write_to(STDERR_FILENO);
  std::abort();
}

// Without an error. A plain thread's first wait needs memory; if there is none, it looks again and again.
void wait_for_end_anyway(control_block& block) noexcept {
  try {
    (void)wait_for_end(block.end, of_fiber, current_fiber(), never, waiting::may_cancel::no);
  } catch (const std::system_error&) {
    die_of_joiner(block);
  } catch (const std::bad_alloc&) {
    for (unsigned spins = 0; !block.end.has_ended();) relax(spins++);
  }
}

}  // namespace

[[gnu::noinline]] void fiber_handle::wait_ended() {
  const control_block* const self = running_fiber();
  if (self && self->word.pending()) [[unlikely]]
    (void)wait_until(never);
}

[[gnu::noinline]] void fiber_handle::join_ended() {
  fiber_desk* const desk = desk_on_entry();
  const control_block* const self = desk ? desk->running() : nullptr;
  if ((self && self->word.pending()) || core_->how != fate::returned) [[unlikely]] {
    wait_ended();
    return end_join_slowly();
  }
  recycle(desk, block_of(*std::exchange(core_, nullptr)));
}

bool fiber_handle::wait_until(deadline until) {
  if (!core_) refuse_empty("weft: fiber::join: no fiber (made empty, moved from, or joined before)");
  control_block& block = block_of(*core_);
  control_block* const self = running_fiber();
  if (self && self->word.pending()) [[unlikely]]
    check_cancellation();
  if (block.end.has_ended()) return true;
  if (&block == self)
    throw_error(std::errc::resource_deadlock_would_occur, "weft: fiber::join: a fiber cannot join itself");
  return wait_for_end(block.end, of_fiber, self, until, waiting::may_cancel::yes);
}

// The usual case is to join directly ([join-4]): a fiber that can be cancelled, without a deadline. It calls nothing that
// comes back (`join_slowly` and `park_over` are called last), and so saves no registers.
[[gnu::noinline]] crossing fiber_handle::begin_join() {
  fiber_desk* const desk = desk_on_entry();
  control_block* const self = desk ? desk->running() : nullptr;
  fiber_core* const core = core_;
  if (!core || !self || self->word.pending() || &block_of(*core) == self || !is_open_to_cancellation(*self))
      [[unlikely]]
    return join_slowly();
  if (!self->join(core->end)) [[unlikely]]
    return join_slowly();
  self->waits_for.store(of_fiber.name, std::memory_order_release);
  return park_over(*desk, *self);
}

[[gnu::noinline]] crossing fiber_handle::join_slowly() {
  (void)wait_until(never);
  return {};
}

[[gnu::noinline]] void fiber_handle::end_wait() {
  if (control_block* const self = running_fiber()) self->waits_for.store(nullptr, std::memory_order_relaxed);
  if (!core_->end.has_ended()) [[unlikely]]
    wait_otherwise();
}

[[gnu::noinline]] void fiber_handle::end_join() {
  fiber_desk* const desk = desk_on_entry();
  control_block* const self = desk ? desk->running() : nullptr;
  if (self) self->waits_for.store(nullptr, std::memory_order_relaxed);
  if (!core_->end.has_ended() || core_->how != fate::returned) [[unlikely]]
    return end_join_slowly();
  recycle(desk, block_of(*std::exchange(core_, nullptr)));
}

// [join-6] It was cancelled.
void fiber_handle::wait_otherwise() {
  control_block* const self = current_fiber();
  assert(self && self->word.pending());  // else nobody owed it an unpark
  (void)wait_for_end(core_->end, of_fiber, self, never, waiting::may_cancel::yes);
}

// The same, or the caller has a cancellation to heed; or what the other one threw is to be thrown.
void fiber_handle::end_join_slowly() {
  if (!core_->end.has_ended()) wait_otherwise();
  if (core_->how != fate::returned) raise();
  recycle(desk_here(), block_of(*std::exchange(core_, nullptr)));
}

void fiber_handle::raise() {
  const std::exception_ptr error = std::exchange(block_of(*core_).error, nullptr);
  release();
  if (error) std::rethrow_exception(error);
  throw_error(std::errc::operation_canceled, "weft: fiber::join: the fiber was cancelled");
}

[[gnu::noinline]] void fiber_handle::release() noexcept {
  recycle(desk_on_entry(), block_of(*std::exchange(core_, nullptr)));
}

void fiber_handle::detach() {
  if (!core_) refuse_empty("weft: fiber::detach: no fiber (made empty, moved from, or joined before)");
  control_block& block = block_of(*core_);
  if (block.end.detach())
    core_ = nullptr;
  else
    drop();
}

void fiber_handle::cancel() const {
  if (!core_) refuse_empty("weft: fiber::cancel: no fiber (made empty, moved from, or joined before)");
  request(block_of(*core_).base);
}

bool fiber_handle::done() const {
  if (!core_) refuse_empty("weft: fiber::done: no fiber (made empty, moved from, or joined before)");
  return core_->end.has_ended();
}

fiber_id fiber_handle::id() const noexcept {
  return core_ ? fiber_id(core_->id.load(std::memory_order_relaxed)) : fiber_id();  // the handle keeps it the same
}

std::string_view fiber_handle::name() const noexcept { return core_ ? block_of(*core_).label : std::string_view(); }

// Cancels, waits shielded, and passes a real error on to those who handle what nobody observes.
void fiber_handle::drop() noexcept {
  control_block& block = block_of(*core_);
  if (!block.end.has_ended()) {
    if (&block == current_fiber()) {
      core_ = nullptr;
      [[maybe_unused]] const bool lives = block.end.detach();
      assert(lives);
      return;
    }
    request(block.base);
    wait_for_end_anyway(block);
  }
  if (report_unobserved(block))
    core_ = nullptr;
  else
    release();
}

}  // namespace weft::detail
