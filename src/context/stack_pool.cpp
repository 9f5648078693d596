// SPDX-License-Identifier: BSL-1.0
#include "context/stack_pool.hpp"

#include <algorithm>
#include <utility>

#include "context/stack_cache.hpp"

namespace weft::detail {
namespace {

// Slabs double what there is, between these: a small program maps little, a million stacks lie in a thousand slabs.
constexpr std::size_t smallest_slab = 16;
constexpr std::size_t largest_slab = 1024;
constexpr std::size_t largest_slab_bytes = std::size_t{512} << 20;

slab_policy policy_of(const stack_options& options) {
  return {.guards = choose_guard(options.guards),
          .unguarded_allowed = options.unguarded_allowed,
          .mapping_limit = options.mapping_limit != 0 ? options.mapping_limit : most_mappings() / 2};
}

std::size_t next_slab(std::size_t stacks, unsigned size_class) noexcept {
  const std::size_t room = std::max<std::size_t>(1, largest_slab_bytes / stack_class_layout(size_class).stride);
  return std::min(std::clamp(stacks, smallest_slab, largest_slab), room);
}

}  // namespace

stack_pool::stack_pool(const stack_options& options)
    : policy_(policy_of(options)), default_class_(class_of(options.default_size)) {}

stack_pool::~stack_pool() = default;

stack* stack_pool::take(unsigned size_class, unsigned most) {
  std::unique_lock lock(mutex_);
  shelf& from = shelves_[size_class];
  if (stack* list = take_used(from, most)) return list;
  for (;;) {
    try {
      slab& home = slab_with_fresh(from, size_class);
      const slab::fresh_stack fresh = home.reserve(policy_);
      note_taken(from, home);
      lock.unlock();
      return home.make(fresh);
    } catch (...) {
      if (!unmap_idle(from)) throw;
    }
  }
}

bool stack_pool::unmap_idle(const shelf& but) noexcept {
  bool found = false;
  for (shelf& s : shelves_) {
    if (&s == &but) continue;
    for (std::size_t i = s.slabs.size(); i-- > 0;) {
      if (!s.slabs[i]->all_home()) continue;
      remove(s, i).reset();
      found = true;
    }
  }
  return found;
}

void stack_pool::give_list(stack* first) noexcept {
  if (first == nullptr) return;
  shelf& to = shelves_[first->size_class];
  for (stack* list = first; list != nullptr;) {
    std::unique_ptr<slab> surplus;  // unmapped after the lock is released: that takes 0.4 ms for a thousand stacks
    const std::lock_guard lock(mutex_);
    while (list != nullptr && surplus == nullptr) {
      stack* const s = std::exchange(list, list->next);
      slab& home = *s->home;
      home.give(s);
      --out_;
      ++used_;
      to.first_used = std::min(to.first_used, home.position);
      if (home.all_home() && ++to.home > 1) surplus = remove(to, home.position);
    }
  }
}

stack* stack_pool::look_up(const void* address) const noexcept {
  for (const shelf& on : shelves_) {
    for (const auto& in : on.slabs) {
      if (stack* const s = in->find(address)) return s;
    }
  }
  return nullptr;
}

stack* stack_pool::find(const void* address) const noexcept {
  const std::lock_guard lock(mutex_);
  return look_up(address);
}

stack* stack_pool::try_find(const void* address) const noexcept {
  const std::unique_lock lock(mutex_,
                              std::try_to_lock);  // an atomic exchange: the handler may have interrupted the owner
  return lock ? look_up(address) : nullptr;
}

stack_stats stack_pool::stats() const {
  const std::lock_guard lock(mutex_);
  std::size_t cached = 0;
  for (const stack_cache* cache : caches_) cached += cache->held();
  cached = std::min(cached, out_);
  return {.in_use = out_ - cached, .pooled = used_ + cached, .bytes = bytes_};
}

stack* stack_pool::take_used(shelf& from, unsigned most) noexcept {
  stack* list = nullptr;
  for (unsigned taken = 0; taken < most && from.first_used < from.slabs.size();) {
    slab& home = *from.slabs[from.first_used];
    stack* const s = home.take_used();
    if (s == nullptr) {
      ++from.first_used;
      continue;
    }
    note_taken(from, home);
    --used_;
    s->next = list;
    list = s;
    ++taken;
  }
  return list;
}

slab& stack_pool::slab_with_fresh(shelf& from, unsigned size_class) {
  for (; from.first_fresh < from.slabs.size(); ++from.first_fresh) {
    if (from.slabs[from.first_fresh]->has_fresh()) return *from.slabs[from.first_fresh];
  }
  from.slabs.push_back(std::make_unique<slab>(size_class, next_slab(from.stacks, size_class), policy_));
  slab& made = *from.slabs.back();
  made.position = from.slabs.size() - 1;
  from.stacks += made.count();
  ++from.home;
  bytes_ += made.bytes();
  return made;
}

void stack_pool::note_taken(shelf& from, const slab& home) noexcept {
  ++out_;
  if (home.out() == 1) --from.home;
}

std::unique_ptr<slab> stack_pool::remove(shelf& from, std::size_t position) noexcept {
  std::unique_ptr<slab> removed = std::move(from.slabs[position]);
  if (position + 1 < from.slabs.size()) {
    from.slabs[position] = std::move(from.slabs.back());
    from.slabs[position]->position = position;
  }
  from.first_fresh = std::min(from.first_fresh, position);
  from.first_used = std::min(from.first_used, position);
  from.slabs.pop_back();
  from.stacks -= removed->count();
  --from.home;
  bytes_ -= removed->bytes();
  used_ -= removed->idle();
  return removed;
}

void stack_pool::enter(stack_cache& cache) {
  const std::lock_guard lock(mutex_);
  caches_.push_back(&cache);
}

void stack_pool::leave(stack_cache& cache) noexcept {
  const std::lock_guard lock(mutex_);
  std::erase(caches_, &cache);
}

}  // namespace weft::detail
