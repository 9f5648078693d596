// SPDX-License-Identifier: BSL-1.0
#include "context/stack_cache.hpp"

#include <sys/mman.h>
#include <sys/uio.h>

#include <algorithm>
#include <utility>

#include "context/advise.hpp"
#include "context/stack_pool.hpp"

namespace weft::detail {
namespace {

constexpr unsigned batch = 32;         // from the pool at once
constexpr std::uint32_t reserve = 16;  // cold ones that always stay
constexpr unsigned most_per_trim = 256;

// What lies deeper than is kept, whole pages.
iovec deep_part(const stack& s) noexcept {
  const std::size_t size = s.size();
  if (size <= stack_cache::kept_size) return {s.low, 0};
  return {s.low, (size - stack_cache::kept_size) / page_size() * page_size()};
}

}  // namespace

stack_cache::stack_cache(stack_pool& pool) : pool_(pool) { pool.enter(*this); }

stack_cache::~stack_cache() {
  give_back();
  pool_.leave(*this);
}

void stack_cache::give_back() noexcept {
  for (list& l : lists_) {
    pool_.give_list(std::exchange(l.hot, nullptr));
    pool_.give_list(std::exchange(l.cold, nullptr));
    l.cold_count = 0;
  }
  held_.store(0, std::memory_order_relaxed);
}

stack* stack_cache::refill(unsigned size_class) {
  list& l = lists_[size_class];
  if (stack* const s = l.cold) {
    l.cold = s->next;
    --l.cold_count;
    count(-1);
    return s;
  }
  stack* const s = pool_.take(size_class, batch);
  for (stack* rest = s->next; rest != nullptr; rest = rest->next) {
    count(+1);
    ++l.cold_count;
  }
  l.cold = s->next;
  return s;
}

bool stack_cache::trim() noexcept {
  bool more = false;
  for (list& l : lists_) {
    // In this order: what is cold now has not been touched since the last trim.
    more |= spill(l);
    more |= cool(l);
  }
  return more;
}

bool stack_cache::has_surplus() const noexcept {
  return std::any_of(lists_.begin(), lists_.end(),
                     [](const list& l) { return l.hot != nullptr || l.cold_count > reserve; });
}

bool stack_cache::spill(list& l) noexcept {
  if (l.cold_count <= reserve) return false;
  const std::uint32_t surplus = std::min((l.cold_count - reserve + 1) / 2, most_per_trim);
  stack* const first = l.cold;
  stack* last = first;
  for (std::uint32_t i = 1; i < surplus; ++i) last = last->next;
  l.cold = std::exchange(last->next, nullptr);
  l.cold_count -= surplus;
  held_.store(held() - surplus, std::memory_order_relaxed);
  pool_.give_list(first);
  return surplus == most_per_trim;
}

bool stack_cache::cool(list& l) noexcept {
  std::array<iovec, most_per_trim> deep;
  std::size_t ranges = 0;
  std::uint32_t moved = 0;
  stack* last = nullptr;
  for (stack* s = l.hot; s != nullptr && moved < most_per_trim; s = s->next) {
    deep[ranges] = deep_part(*s);
    ranges += deep[ranges].iov_len != 0 ? 1 : 0;
    last = s;
    ++moved;
  }
  if (last == nullptr) return false;
  // Refused (a process under mlockall): the pages stay, and that is all.
  static_cast<void>(advise({deep.data(), ranges}, MADV_DONTNEED));
  stack* const rest = std::exchange(last->next, l.cold);
  l.cold = std::exchange(l.hot, rest);
  l.cold_count += moved;
  return rest != nullptr;
}

}  // namespace weft::detail
