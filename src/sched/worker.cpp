// SPDX-License-Identifier: BSL-1.0
#include "sched/worker.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>
#include <weft/base/deadline.hpp>

#include "sched/pick.hpp"
#include "sched/scheduler.hpp"
#include "sched/this_thread.hpp"

namespace weft::detail {
namespace {

constexpr unsigned most_fresh_at_once = 8;           // that start in a fair turn
constexpr std::int64_t shortest_poll_gap = 100'000;  // ns between two looks at the poller while there is other work
// The clock costs as much as ten picks (20 to 60 ns): while fair turns follow one another quickly, most do without.
constexpr unsigned most_unread = 3;
constexpr std::int64_t quick_turns = 20'000;   // ns between two readings
constexpr std::int64_t longest_spin = 50'000;  // ns; about what waking a sleeping thread costs on a busy machine
constexpr std::int64_t waking = 20'000;        // the same on one that is not
constexpr std::int64_t shortest_spin = 2'000;
constexpr unsigned spins_per_poll = 64;  // a few microseconds: input does not wait for the end of a spin

std::uint64_t next_random(std::uint64_t& state) noexcept {  // xorshift64: only has to spread thieves
  state ^= state << 13;
  state ^= state >> 7;
  return state ^= state << 17;
}

}  // namespace

worker::worker(scheduler& owner, unsigned index, const seams& with)
    : timers(),
      poller(with.make_poller()),
      fresh_(deque::default_capacity, owner.worker_count_planned() > 1 ? deque::thieves::some : deque::thieves::none),
      random_(0x9e3779b97f4a7c15u * (index + 1)),
      owner_(owner),
      index_(index),
      clock_(*with.clock),
      choice_(with.choice) {
  if (choice_) ready.restart(1);  // every pick is a fair turn, where the choice is made
}

worker::~worker() = default;

std::uint64_t worker::turns() const noexcept {
  constexpr unsigned period = ready_queue::fair_period;
  return rounds_.load(std::memory_order_relaxed) * period + (period - ready.picks_left());
}

std::uint64_t worker::draw() noexcept { return choice_ ? choice_->choose(std::size_t(-1)) : next_random(random_); }

void worker::send(runnable& r) noexcept {
  const scheduler::outside_pin pin(owner_);  // [pin-1]
  inbox_.push(r);
  wake();
}

void worker::wake() noexcept {
  if (sleep_.wake()) poller->wake();
}

void worker::push_fresh_slowly(runnable& r) noexcept {
  if (!fresh_.push(r))
    ready.push(r);  // no memory to grow the deque: nobody can steal this one
  else if (owner_.idlers().has_worker_to_wake())
    owner_.wake_one();
}

// What `ready` alone would starve gets its turn. The oldest fresh ones compete with `ready` every time, but with newer
// fresh ones only by time, one of them: a fork-join that is led astray every 61 picks keeps thousands of stacks alive
// (measured: 85 ns per call of fib(27) against 35). Of those that `ready` keeps waiting as many start as `ready` holds, up
// to eight, and no more than half of them, since nobody can steal them afterwards. They lie side by side, and go on doing
// so in the queue (measured, AMD Zen 4: a yield among 10,000 takes 38 ns if one starts at a time, 22 so; a fork-join
// beside four that yield all the time 2,200 ns a call, 1,500 so).
runnable* worker::fair_turn() noexcept {
  ready.restart(choice_ ? 1 : ready_queue::fair_period);
  rounds_.store(rounds_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  const bool reads_clock = turns_unread_ == 0;
  const std::int64_t now = reads_clock ? clock_.now() : read_at_;
  const bool is_late = now - polled_at_ >= shortest_poll_gap;
  take_inbox();
  if (const std::size_t fresh = fresh_.size()) {
    const unsigned waited_for = std::max(ready.length(most_fresh_at_once), unsigned(is_late));
    start_oldest(std::min((fresh + 1) / 2, std::size_t(waited_for)));
  }
  if (reads_clock) {
    turns_unread_ = !choice_ && now - read_at_ < quick_turns ? most_unread : 0;
    read_at_ = now;
    fire_timers(now);
    // By time, and not before what the last look brought has had its turn: a poll costs a hundred picks.
    if (is_late && rounds_.load(std::memory_order_relaxed) >= poll_due_round_) {
      poll(0);
      for (const auto& r : residents_) r->attend(now);
    }
  } else {
    --turns_unread_;
  }
  return choice_ ? choose() : nullptr;
}

void worker::start_oldest(std::size_t count) noexcept {
  for (; count > 0; --count) {
    runnable* const oldest = fresh_.pop_oldest();
    if (!oldest) return;
    ready.push(*oldest);
  }
}

// The simulated runtime's pick: any of those that could run.
runnable* worker::choose() noexcept {
  fifo& line = ready.in_line();
  while (runnable* r = fresh_.pop_oldest()) line.push_back(*r);
  std::size_t count = 0;
  for (runnable* r = line.front(); r; r = r->next) ++count;
  if (count == 0) return nullptr;
  for (std::size_t turn = choice_->choose(count); turn > 0; --turn) line.push_back(*line.pop_front());
  return line.pop_front();
}

bool worker::take_inbox() noexcept {
  fifo letters;
  if (inbox_.take_all(letters) == 0) return false;
  while (runnable* r = letters.pop_front()) {
    if (r->home)
      ready.push(*r);
    else
      push_fresh(*r);
  }
  return true;
}

void worker::fire_timers(std::int64_t now) noexcept {
  if (timers.next() > now) return;
  wake_list woken;
  timers.expire(now, woken);
  woken.unpark_all();
}

void worker::poll(std::int64_t timeout) noexcept {
  wake_list woken;
  look(timeout, woken);
  unpark(woken);
}

void worker::look(std::int64_t timeout, wake_list& woken) noexcept {
  poller->wait(timeout, woken);
  counts_.polls.store(counts_.polls.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  polled_at_ = clock_.now();
}

void worker::unpark(wake_list& woken) noexcept {
  std::uint64_t count = 0;
  for (; waiter* w = woken.pop(); ++count) w->unpark(*w);
  poll_due_round_ = rounds_.load(std::memory_order_relaxed) + count / ready_queue::fair_period + 1;
}

void worker::run() {
  thread_id_.store(gettid(), std::memory_order_relaxed);  // for people
  this_thread.running = this;
  for (unsigned k = 0; k < kinds; ++k) {
    this_thread.residents[k] = residents_[k].get();
    residents_[k]->thread_started(*this);
  }
  for (;;) {
    runnable* r = std::exchange(hand_over, nullptr);
    if (!r && !(r = pick()) && !(r = find_work())) break;
    r->resume(*r);
  }
  for (unsigned k = 0; k < kinds; ++k) residents_[k]->thread_ending(*this);
  this_thread = {};
}

// Null only when the scheduler stops.
runnable* worker::find_work() noexcept {
  busy_.store(false, std::memory_order_relaxed);
  runnable* r = nullptr;
  spun_ = 0;
  bool searching = false;  // we were made a searcher: by our own wish or by a publisher
  while (!r) {
    take_inbox();
    if (timers.next() != deadline::limit) fire_timers(clock_.now());
    if ((r = pick())) break;
    if (owner_.is_stopping()) break;
    if (!searching) searching = become_searcher();
    if (searching && (r = search())) break;
    if (has_letters() || ready.peek()) continue;  // what the search has met
    searching = sleep(searching);
  }
  if (searching) end_search();
  busy_.store(true, std::memory_order_seq_cst);  // [monitor-1], then looks whether the monitor dozes
  owner_.somebody_works();
  return r;
}

// [idle-2]. Where there are enough searchers, and waiting has paid, it tries again for a moment: of two workers that wake
// each other the other one is a searcher still, and about to find what this one has sent it.
bool worker::become_searcher() noexcept {
  if (owner_.idlers().try_search()) return true;
  if (spin_budget_ == 0) return false;
  const std::int64_t begun = clock_.now();
  std::int64_t now = begun;
  for (; now - begun < shortest_spin; now = clock_.now()) {
    if (has_letters() || owner_.is_stopping()) return false;
    relax(0);
    if (owner_.idlers().try_search()) return true;
  }
  spin_in_vain(now - begun);
  return false;
}

void worker::spin_in_vain(std::int64_t spent) noexcept {
  spun_ += spent;
  spin_budget_ = spin_budget_ / 2 < shortest_spin ? 0 : spin_budget_ / 2;
}

// [idle-2]. Looks through the others' deques, and goes on looking for as long as it has learnt that this pays.
runnable* worker::search() noexcept {
  std::int64_t begun = 0, until = 0;
  for (unsigned spins = 0;; ++spins) {
    if (runnable* r = steal_from_others()) {
      if (spins) spin_budget_ = std::min(longest_spin, spin_budget_ * 2);
      return r;
    }
    if (spin_budget_ == 0) return nullptr;
    if (has_letters() || owner_.is_stopping()) {
      spin_budget_ = std::min(longest_spin, spin_budget_ * 2);
      return nullptr;
    }
    if (spins % 16 == 0) {
      const std::int64_t now = clock_.now();
      if (until == 0) until = std::min((begun = now) + spin_budget_, timers.next());
      if (now >= until) {
        if (now - begun >= spin_budget_) spin_in_vain(now - begun);
        return nullptr;
      }
    }
    if (spins % spins_per_poll == spins_per_poll - 1) {
      poll(0);
      if (ready.peek()) return nullptr;
    }
    relax(0);
  }
}

runnable* worker::steal_from_others() noexcept {
  const unsigned count = owner_.worker_count();
  const auto first = unsigned(next_random(random_) % count);
  for (unsigned i = 0; i < count; ++i) {
    worker& victim = owner_.worker_at((first + i) % count);
    if (&victim == this) continue;
    runnable* loot = nullptr;
    theft what = theft::lost;
    while (what == theft::lost) what = victim.steal(loot);
    if (what == theft::empty) continue;
    counts_.steals.store(counts_.steals.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    return loot;
  }
  return nullptr;
}

// [idle-4].
void worker::end_search() noexcept {
  if (!owner_.idlers().end_search()) return;
  if (owner_.has_fresh_work()) owner_.wake_one();
}

// [idle-3], [sleep-1]. Whether the worker is a searcher when it comes back.
bool worker::sleep(bool was_searching) noexcept {
  idle& idlers = owner_.idlers();
  std::int64_t due = deadline::limit;
  for (unsigned k = 0; k < kinds; ++k) due = std::min(due, residents_[k]->tidy(clock_.now()));
  sleep_.prepare();
  idlers.announce(index_, was_searching);
  if (owner_.has_fresh_work()) {
    sleep_.end();
    idlers.retract_to_search(index_);
    return true;
  }
  if (has_letters() || owner_.is_stopping()) {
    sleep_.end();
    return idlers.retract(index_) == idle::role::searching;
  }
  owner_.somebody_idles();
  due = std::min(due, timers.next());
  const std::int64_t before = clock_.now();
  wake_list woken;
  look(due == deadline::limit ? due : std::max<std::int64_t>(0, due - before), woken);
  const bool ordered = sleep_.end();
  const bool searching = idlers.retract(index_) == idle::role::searching;
  unpark(woken);  // only now: a fresh one must not choose this worker as the sleeper to be woken
  if (ordered) counts_.wakes.store(counts_.wakes.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  learn_from_sleep(polled_at_ - before, ordered);
  return searching;
}

// If the longest spin would have met the order that ended this sleep, there should have been one.
void worker::learn_from_sleep(std::int64_t slept, bool by_letter) noexcept {
  const std::int64_t idle = std::exchange(spun_, 0) + slept;
  if (owner_.may_spin() && by_letter && idle < longest_spin + waking)
    spin_budget_ = std::min(longest_spin, std::max(spin_budget_ * 2, slept));
}

}  // namespace weft::detail
