// SPDX-License-Identifier: BSL-1.0
#include "sync/selection.hpp"

#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <utility>

namespace weft::detail {
namespace {

using answer = channel_core::answer;

// Goes through 0 to count - 1 in random order, each once.
class shuffled {
 public:
  shuffled(std::size_t count, std::uint64_t random) noexcept : state_(random), count_(count) {
    for (std::size_t i = 0; i < count; ++i) left_[i] = std::uint8_t(i);
  }
  [[nodiscard]] bool next(std::size_t& index) noexcept {
    if (count_ == 0) return false;
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    const auto pick = std::size_t(((state_ >> 32) * count_) >> 32);
    index = left_[pick];
    left_[pick] = left_[--count_];
    return true;
  }

 private:
  std::uint64_t state_;
  std::size_t count_;
  std::array<std::uint8_t, select_case::most> left_;
};

}  // namespace

select_ends::select_ends(select_cases cases) noexcept {
  for (std::size_t i = 0; i < cases.size(); ++i) {
    if (cases[i]->what() == select_case::kind::otherwise) {
      otherwise = i;
    } else if (cases[i]->what() == select_case::kind::timeout &&
               (timeout == selected::none || cases[i]->until() < until)) {
      timeout = i;
      until = cases[i]->until();
    }
  }
}

selected select_alone(select_cases cases, std::uint64_t random) noexcept {
  shuffled turn(cases.size(), random);
  for (std::size_t i = 0; turn.next(i);) {
    select_case& c = *cases[i];
    if (!c.on()) continue;
    waiter* partner = nullptr;
    c.on()->lock();
    const answer now = c.attempt(partner);
    c.on()->unlock();
    if (partner) partner->unpark(*partner);
    if (now != answer::wait) return {i, now == answer::closed};
  }
  return {};
}

select_locks::select_locks(select_cases cases) noexcept : cases_(cases) {
  for (std::size_t i = 0; i < cases.size(); ++i) {
    if (cases[i]->on()) order_[count_++] = std::uint8_t(i);
  }
  std::sort(order_.begin(), order_.begin() + count_,
            [cases](auto a, auto b) { return std::less<>()(cases[a]->on(), cases[b]->on()); });
  const channel_core* last = nullptr;
  for (std::size_t i = 0; i < count_; ++i) {
    channel_core* const on = cases[order_[i]]->on();
    if (on != std::exchange(last, on)) on->lock();
  }
}

void select_locks::unlock() noexcept {
  if (!std::exchange(locked_, false)) return;
  const channel_core* last = nullptr;
  for (std::size_t i = 0; i < count_; ++i) {
    channel_core* const on = cases_[order_[i]]->on();
    if (on != std::exchange(last, on)) on->unlock();
  }
}

selected select_locks::try_all(std::uint64_t random, waiter*& partner) noexcept {
  shuffled turn(count_, random);
  for (std::size_t i = 0; turn.next(i);) {
    const answer now = cases_[order_[i]]->attempt(partner);
    if (now != answer::wait) return {order_[i], now == answer::closed};
  }
  return {};
}

void select_locks::show_all(waiter& who, claim::ticket ticket) noexcept {
  for (std::size_t begin = 0, end = 0; begin < count_; begin = end) {
    const channel_core* const on = cases_[order_[begin]]->on();
    while (end < count_ && cases_[order_[end]]->on() == on) ++end;
    for (std::size_t i = begin; i < end; ++i) {
      select_case* const next = cases_[order_[i + 1 < end ? i + 1 : begin]];
      cases_[order_[i]]->show(who, ticket, end - begin > 1 ? next : nullptr);
    }
  }
}

selected withdraw_all(select_cases cases) noexcept {
  selected result;
  const channel_core* left = nullptr;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    if (!cases[i]->on() || !cases[i]->chosen) continue;
    result.index = i;
    left = cases[i]->on();  // its winner has unlinked all
  }
  for (select_case* const c : cases) {
    if (!c->on() || c->on() == left) continue;
    const std::lock_guard guard(*c->on());
    c->withdraw();
  }
  return result;
}

// Every call draws the next of one sequence; mixed as splitmix64 does.
std::uint64_t draw_on_thread() noexcept {
  static std::atomic<std::uint64_t> drawn{0};
  std::uint64_t z = drawn.fetch_add(0x9e3779b97f4a7c15u, std::memory_order_relaxed);  // only has to spread
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

}  // namespace weft::detail
