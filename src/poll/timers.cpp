// SPDX-License-Identifier: BSL-1.0
#include "poll/timers.hpp"

#include <algorithm>
#include <mutex>
#include <new>

namespace weft::detail {

namespace {

constexpr std::align_val_t line{64};
// The root lies at the end of the first cache line, so that the children of every entry begin one.
constexpr std::size_t before_root = 3;

}  // namespace

timers::~timers() { release(); }

void timers::insert(timer_node& node) noexcept {
  const std::lock_guard guard(lock_);
  node.sequence = inserted_++;
  add(node);
  admit();
  publish();
}

void timers::cancel(timer_node& node) noexcept {
  {
    const std::lock_guard guard(lock_);
    if (node.index != timer_node::nowhere) {
      take_out(node);
      publish();
      return;
    }
  }
  // [timer-2] acquire: pairs with the end of the fire in `expire`, whose effects come before the end of the node.
  for (unsigned spins = 0; firing_.load(std::memory_order_acquire) == &node; ++spins) relax(spins);
}

std::size_t timers::expire(std::int64_t now, wake_list& woken) noexcept {
  if (next() > now) return 0;
  std::size_t fired = 0;
  lock_.lock();
  for (entry e = first(); e.node && e.at <= now; e = first()) {
    take_out(*e.node);
    firing_.store(e.node, std::memory_order_relaxed);  // [timer-1] seen by `cancel` through the lock
    lock_.unlock();
    e.node->fire(*e.node, woken);
    ++fired;
    firing_.store(nullptr, std::memory_order_release);  // pairs with the loop in `cancel`
    lock_.lock();
  }
  publish();
  lock_.unlock();
  return fired;
}

std::size_t timers::count() noexcept {
  const std::lock_guard guard(lock_);
  std::size_t sum = count_;
  for (const timer_node* node = crowd_; node; node = node->next) ++sum;
  return sum;
}

// What follows is done with the lock held.

bool timers::is_before(entry a, entry b) noexcept {
  if (a.at != b.at) return a.at < b.at;
  return static_cast<std::int32_t>(a.node->sequence - b.node->sequence) < 0;  // the counter may wrap
}

// Null and the limit when there is none.
timers::entry timers::first() const noexcept {
  entry earliest = count_ ? heap_[0] : entry{limit, nullptr};
  for (timer_node* node = crowd_; node; node = node->next) {
    if (const entry e{node->at, node}; !earliest.node || is_before(e, earliest)) earliest = e;
  }
  return earliest;
}

void timers::publish() noexcept {
  const std::int64_t earliest = crowd_ ? first().at : count_ ? heap_[0].at : limit;
  if (next() != earliest) next_.store(earliest, std::memory_order_relaxed);  // written under the lock only
}

void timers::add(timer_node& node) noexcept {
  if (has_room()) {
    rise(count_++, {node.at, &node});
  } else {
    node.index = timer_node::crowded;
    node.next = crowd_;
    crowd_ = &node;
  }
}

void timers::take_out(timer_node& node) noexcept {
  if (node.index == timer_node::crowded) {
    leave_crowd(node);
  } else {
    const std::uint32_t index = node.index;
    const entry last = heap_[--count_];
    if (index < count_) {
      if (index && is_before(last, heap_[(index - 1) / ways])) {
        rise(index, last);
      } else {
        sink(index, last);
      }
    }
    admit();
    if (!count_ && room_ > worth_keeping) release();
  }
  node.index = timer_node::nowhere;
}

void timers::admit() noexcept {
  while (crowd_ && count_ < room_) {
    timer_node& waits = *crowd_;
    crowd_ = waits.next;
    add(waits);
  }
}

void timers::leave_crowd(timer_node& node) noexcept {
  timer_node** link = &crowd_;
  while (*link != &node) link = &(*link)->next;
  *link = node.next;
}

void timers::place(std::uint32_t index, entry e) noexcept {
  heap_[index] = e;
  e.node->index = index;
}

void timers::rise(std::uint32_t index, entry e) noexcept {
  while (index) {
    const std::uint32_t parent = (index - 1) / ways;
    if (!is_before(e, heap_[parent])) break;
    place(index, heap_[parent]);
    index = parent;
  }
  place(index, e);
}

void timers::sink(std::uint32_t index, entry e) noexcept {
  for (;;) {
    const std::uint32_t begin = ways * index + 1;
    if (begin >= count_) break;
    const std::uint32_t end = std::min(begin + ways, count_);
    std::uint32_t least = begin;
    for (std::uint32_t child = begin + 1; child < end; ++child) {
      if (is_before(heap_[child], heap_[least])) least = child;
    }
    if (!is_before(heap_[least], e)) break;
    place(index, heap_[least]);
    index = least;
  }
  place(index, e);
}

bool timers::has_room() noexcept {
  if (count_ < room_) return true;
  const auto wanted = static_cast<std::uint32_t>(std::min<std::uint64_t>(room_ ? room_ * std::uint64_t{2} : 61, most_));
  if (wanted <= room_) return false;
  void* const memory = ::operator new((wanted + before_root) * sizeof(entry), line, std::nothrow);
  if (!memory) return false;
  entry* const larger = static_cast<entry*>(memory) + before_root;
  std::copy_n(heap_, count_, larger);
  release();
  heap_ = larger;
  room_ = wanted;
  return true;
}

void timers::release() noexcept {
  if (heap_) ::operator delete(heap_ - before_root, line);
  heap_ = nullptr;
  room_ = 0;
}

}  // namespace weft::detail
