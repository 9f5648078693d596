// SPDX-License-Identifier: BSL-1.0
#include "fiber/local_values.hpp"

#include <memory>
#include <mutex>
#include <utility>
#include <weft/fiber/fiber_local.hpp>

#include "base/at_thread_end.hpp"
#include "base/immortal.hpp"
#include "fiber/cancel_scope.hpp"
#include "fiber/fibers.hpp"

namespace weft::detail {
namespace {

// Gives out indices, the used ones first.
class slot_desk {
 public:
  // Never destroyed: fiber-locals of static storage may end after it.
  static slot_desk& of_process() noexcept {
    static immortal<slot_desk> desk;
    return *desk;
  }

  std::size_t take() {
    const std::lock_guard guard(lock_);
    if (free_.empty()) {
      free_.reserve(used_ + 1);  // so that `give` needs no memory
      return used_++;
    }
    const std::size_t index = free_.back();
    free_.pop_back();
    return index;
  }
  void give(std::size_t index) noexcept {
    const std::lock_guard guard(lock_);
    free_.push_back(index);
  }
  std::uint64_t next_number() noexcept {
    const std::lock_guard guard(lock_);
    return ++numbers_;
  }

 private:
  std::mutex lock_;
  std::vector<std::size_t> free_;
  std::size_t used_ = 0;
  std::uint64_t numbers_ = 0;
};

[[gnu::noinline]] local_values*& locals_of_thread() noexcept {
  asm volatile("" ::: "memory");  // and not merged with another call by the compiler's purity analysis
  constinit thread_local local_values* mine = nullptr;  // without a destructor: see `keep`
  return mine;
}

void end_those_of_thread(void*) { local_values::end_all(locals_of_thread()); }

local_values*& locals_here() noexcept {
  control_block* const fiber = current_fiber();
  return fiber ? fiber->locals : locals_of_thread();
}

void end(local_value* one) noexcept {
  if (one) one->destroy(*one);
}

}  // namespace

local_value* local_values::put(local_value& fresh) noexcept {
  local_value* const before = take(fresh.index);
  fresh.older = newest_;
  fresh.newer = nullptr;
  if (newest_) newest_->newer = &fresh;
  newest_ = slots_[fresh.index] = &fresh;
  return before;
}

local_value* local_values::take(std::size_t index) noexcept {
  local_value* const one = index < slots_.size() ? std::exchange(slots_[index], nullptr) : nullptr;
  if (!one) return nullptr;
  (one->newer ? one->newer->older : newest_) = one->older;
  if (one->older) one->older->newer = one->newer;
  return one;
}

void local_values::end_all(local_values*& place) noexcept {
  while (local_values* const all = place) {
    while (all->newest_) end(all->take(all->newest_->index));
    place = nullptr;
    delete all;
  }
}

local_slot::local_slot() : index_(slot_desk::of_process().take()), number_(slot_desk::of_process().next_number()) {}

local_slot::~local_slot() { slot_desk::of_process().give(index_); }

local_value* local_slot::find() const noexcept {
  const local_values* const mine = locals_here();
  return mine ? mine->find(index_, number_) : nullptr;
}

void local_slot::keep(local_value& fresh) const {
  control_block* const fiber = current_fiber();
  local_values*& mine = locals_here();
  if (!mine) {
    mine = new local_values;
    // No thread_local object, which ends only once: the destructor of a variable of the thread that ends later may make
    // values, too.
    if (!fiber) at_thread_end(&end_those_of_thread, nullptr);
  }
  if (fiber) fiber->has_belongings = true;
  mine->widen(index_);
  fresh.variable = number_;
  fresh.index = index_;
  end(mine->put(fresh));
}

void local_slot::drop() const noexcept {
  local_values* const mine = locals_here();
  if (mine && mine->find(index_, number_)) end(mine->take(index_));
}

void control_block::drop_belongings() noexcept {
  const bool runs = current_fiber() == this;
  cancel_scope shield;  // what ends may wait, also in a cancelled fiber
  if (runs) enter(*this, shield, deadline::limit, true);
  while (locals || context.values) {  // the end of one may make another
    local_values::end_all(locals);
    context.clear();
  }
  if (runs) leave(*this, shield);
  context.number = 0;
  has_belongings = false;
}

}  // namespace weft::detail
