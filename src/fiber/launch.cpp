// SPDX-License-Identifier: BSL-1.0
#include <weft/detail/fiber/launch.hpp>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <weft/base/error.hpp>
#include <weft/sched/runtime.hpp>

#include "fiber/ending.hpp"
#include "fiber/fibers.hpp"
#include "fiber/scope_core.hpp"
#include "fiber/switching.hpp"

namespace weft::detail {
namespace {

[[noreturn, gnu::cold]] void refuse_outside() {
  throw_error(std::errc::operation_not_permitted,
              "weft: spawn outside a runtime (call it on a fiber, or use a runtime object)");
}

fibers& fibers_of(scheduler& of) noexcept { return static_cast<fibers&>(of.of(kind::fibers)); }

void apply(control_block& block, const spawn_options& with) {
  const scheduler& of = block.of->owner();
  if (with.worker >= 0 || with.worker < -1) {
    if (with.worker < 0 || unsigned(with.worker) >= of.worker_count())
      throw std::system_error(std::make_error_code(std::errc::invalid_argument),
                              "weft: spawn_options::worker is " + std::to_string(with.worker) + ", of " +
                                  std::to_string(of.worker_count()) + " workers");
    block.home = &of.worker_at(unsigned(with.worker));
  }
  if (with.stack_size) block.kind.size_class = std::uint8_t(stack_pool::class_of(with.stack_size));
  if (with.movable) block.kind.movable = *with.movable;
  const std::size_t length = std::min(with.name.size(), sizeof block.label - 1);
  with.name.copy(block.label, length);  // which minds the null pointer of an empty name
  block.label[length] = '\0';
  if (length > 0) block.is_plain = false;  // so that `recycle` takes the name away
}

void* allocate_payload(std::size_t size, std::size_t alignment) {
  void* const memory = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (!memory) throw std::bad_alloc();
  return memory;
}

void give_block(control_block& block) noexcept {
  block.label[0] = '\0';
  fiber_desk* const desk = desk_here();  // the body's constructor or destructor may have parked
  if (desk && &desk->all == block.of) {
    block.taken = false;
    desk->blocks.give(block);
  } else {
    block_arena::give_back(block);
  }
}

// From outside the fiber's runtime.
control_block& take_block(fibers& of) {
  runnable* const list = of.blocks().take_batch();
  if (list->next) of.blocks().give_batch(std::exchange(list->next, nullptr));
  control_block& block = block_of(*list);
  block.id.store(of.take_ids(1), std::memory_order_relaxed);
  return block;
}

control_block& take_block(fiber_desk& desk) {
  control_block& block = desk.blocks.take();
  block.id.store(desk.next_id(), std::memory_order_relaxed);  // published with the rest
  return block;
}

// What every fiber begins with; `recycle` has left the rest clean.
[[gnu::always_inline]] inline void prepare(control_block& block, fiber_core::traits kind, std::source_location where) {
  block.kind = kind;
  block.taken = true;
  block.started.store(false, std::memory_order_relaxed);
  block.how = fate::none;
  block.is_plain = true;
  block.where = where;
  block.resume = &start_fiber;
  block.home = nullptr;
  block.payload = block.room;
}

[[gnu::noinline]] fiber_core& new_special_fiber(const parentage& whose, const spawn_options* with, std::size_t size,
                                                std::size_t alignment, std::source_location where) {
  fiber_desk* desk = desk_on_entry();
  if (!desk && !whose.of) refuse_outside();
  const control_block* const caller = desk ? desk->running() : nullptr;
  fibers& of = whose.of ? fibers_of(scheduler_of(*whose.of)) : desk->all;
  if (desk && &desk->all != &of) desk = nullptr;
  control_block& block = desk ? take_block(*desk) : take_block(of);
  prepare(block, of.usual_traits(), where);
  block.kind.daemon = whose.daemon;
  block.kind.detached = whose.detached;
  block.parent = whose.scope;
  const control_block* const spawner = desk ? desk->running() : nullptr;
  block.base.effective = whose.scope                          ? whose.scope->region.effective
                         : spawner && whose.inherits_deadline ? spawner->innermost->effective
                                                              : deadline::limit;
  try {
    if (with) apply(block, *with);
    if (!fiber_core::fits(size, alignment)) {
      block.payload = allocate_payload(size, alignment);
      block.is_plain = false;
    }
  } catch (...) {
    give_block(block);
    throw;
  }
  if (!caller || caller->has_belongings) block.inherit(caller ? caller->context : context_place_here(false));
  return block;
}

// The usual case: by a fiber, a child of the root. Null: it is another one. Calls nothing that comes back, as `start` does
// not, so that their callers save no registers.
[[nodiscard, gnu::always_inline]] inline control_block* new_quickly(std::source_location where) noexcept {
  fiber_desk* const desk = desk_on_entry();
  const control_block* const spawner = desk ? desk->running() : nullptr;
  if (!spawner || spawner->has_belongings || desk->blocks.empty()) [[unlikely]]
    return nullptr;
  control_block& block = take_block(*desk);
  prepare(block, desk->all.usual_traits(), where);
  block.parent = nullptr;
  block.base.effective = spawner->innermost->effective;
  return &block;
}

// A child of a scope, from outside, or for one worker.
[[gnu::noinline]] void start_specially(control_block& block) {
  block.end.begin(
      block.kind.detached);  // before the scope's cancellers can find it, who pass over those that have ended
  if (block.parent) {
    try {
      join_scope(*block.parent, block);
    } catch (...) {
      (void)block.end.finish();
      block.perform(block, fiber_core::act::drop_body);
      give_up(block);
      throw;
    }
  }
  fiber_desk* const desk = desk_on_entry();
  if (desk && &desk->all == block.of)
    fiber_desk::count(desk->spawned);
  else
    block.of->spawned_outside.fetch_add(1, std::memory_order_release);  // [empty-1]
  enqueue_fresh(block);
}

}  // namespace

fiber_core& new_usual_fiber(std::source_location where) {
  static constexpr parentage child_of_root;
  if (control_block* const block = new_quickly(where)) [[likely]]
    return *block;
  return new_special_fiber(child_of_root, nullptr, 0, 1, where);
}

fiber_core& new_fiber(const parentage& whose, const spawn_options* with, std::size_t payload_size,
                      std::size_t payload_alignment, std::source_location where) {
  const bool is_special = whose.of || whose.scope || with || !fiber_core::fits(payload_size, payload_alignment);
  control_block* const block = is_special ? nullptr : new_quickly(where);
  if (!block) [[unlikely]]
    return new_special_fiber(whose, with, payload_size, payload_alignment, where);
  block->kind.detached = whose.detached;
  if (!whose.inherits_deadline) block->base.effective = deadline::limit;
  return *block;
}

void free_payload(control_block& block) noexcept { std::free(block.payload); }

void give_up(fiber_core& core) noexcept {
  control_block& block = block_of(core);
  if (block.has_belongings) block.drop_belongings();
  if (block.payload != block.room) free_payload(block);
  give_block(block);
}

void start(fiber_core& core) {
  control_block& block = block_of(core);
  fiber_desk* const desk = desk_on_entry();
  if (!desk || !is_of(*desk, block) || block.parent || block.home) [[unlikely]] {
    start_specially(block);
    return;
  }
  fiber_desk::count(desk->spawned);
  block.end.begin(block.kind.detached);
  desk->at.push_fresh(block);
}

void start_usual(fiber_core& core) noexcept {
  fiber_desk& desk = *desk_on_entry();
  fiber_desk::count(desk.spawned);
  core.end.begin(false);
  desk.at.push_fresh(block_of(core));
}

}  // namespace weft::detail
