// SPDX-License-Identifier: BSL-1.0
#include "run/deque.hpp"

#include <cassert>
#include <new>

namespace weft::detail {

// The slots follow the head in the same block.
struct deque::ring {
  std::uint64_t mask;
  ring* older;

  slot_type* slots() noexcept { return reinterpret_cast<slot_type*>(this + 1); }
};

deque::ring* deque::new_ring(std::size_t capacity, ring* older) noexcept {
  static_assert(sizeof(ring) % alignof(slot_type) == 0);
  void* const memory = ::operator new(sizeof(ring) + capacity * sizeof(slot_type), std::nothrow);
  if (!memory) return nullptr;
  ring* const made = new (memory) ring{capacity - 1, older};
  for (std::size_t i = 0; i < capacity; ++i) new (made->slots() + i) slot_type(nullptr);
  return made;
}

deque::deque(std::size_t capacity, thieves who)
    : ring_(new_ring(capacity, nullptr)), has_thieves_(who == thieves::some) {
  assert(capacity >= 2 && (capacity & (capacity - 1)) == 0);
  ring* const first = ring_.load(std::memory_order_relaxed);  // not shared yet
  if (!first) throw std::bad_alloc();
  mask_ = first->mask;
  slots_ = first->slots();
}

deque::~deque() {
  // Relaxed: whoever destroys a deque has joined its thieves.
  for (ring* r = ring_.load(std::memory_order_relaxed); r;) {
    ring* const older = r->older;
    ::operator delete(r);
    r = older;
  }
}

theft deque::steal(runnable*& loot) noexcept {
  const std::uint64_t top = top_.load(std::memory_order_seq_cst);        // [deque-2], before `bottom_`
  const std::uint64_t bottom = bottom_.load(std::memory_order_seq_cst);  // pairs with `push`: slot, runnable and ring
  if (top >= bottom) return theft::empty;
  ring* const r = ring_.load(std::memory_order_acquire);  // at least the one that [top, bottom) was pushed into
  // Relaxed: the element may have gone and its slot may hold another by now; then `take` fails.
  loot = r->slots()[top & r->mask].load(std::memory_order_relaxed);
  return take(top) ? theft::got : theft::lost;
}

// The ring looked full. False if it is and cannot grow.
bool deque::push_after_growing(runnable& r) noexcept {
  return make_room(bottom_.load(std::memory_order_relaxed)) && push_if_room(r);  // the owner's own
}

bool deque::make_room(std::uint64_t bottom) noexcept {
  seen_top_ = top_.load(std::memory_order_acquire);  // pairs with `take`: thieves have read what may be overwritten
  if (bottom - seen_top_ <= mask_) return true;
  ring* const old = ring_.load(std::memory_order_relaxed);  // the owner wrote it
  ring* const grown = new_ring(2 * (mask_ + 1), old);
  if (!grown) return false;
  // Also those that thieves take meanwhile: harmless, `top_` is past them.
  for (std::uint64_t i = seen_top_; i != bottom; ++i)
    grown->slots()[i & grown->mask].store(slot(i).load(std::memory_order_relaxed), std::memory_order_relaxed);
  ring_.store(grown, std::memory_order_release);  // pairs with `steal`
  mask_ = grown->mask;
  slots_ = grown->slots();
  return true;
}

}  // namespace weft::detail
