// SPDX-License-Identifier: BSL-1.0
#include <mutex>
#include <weft/base/error.hpp>
#include <weft/detail/stackless/future_wait.hpp>
#include <weft/stackless/event_loop.hpp>
#include <weft/stackless/wait.hpp>

namespace weft::detail {

using stackless::any_future;
using stackless::return_when;

// Keeps the number of the cancellation that it was cancelled by.
struct future_wait::end final : loop_future_of<void> {
  using loop_future_of::loop_future_of;
  bool hand_on(std::uint64_t number) noexcept override {
    cancellation = number;
    return cancel();
  }
  std::uint64_t cancellation = 0;  // the waiting task's
};

struct future_wait::state {
  explicit state(std::size_t count) : left(count), end_of_wait(new end(running_loop())), over(end_pointer()) {}
  [[nodiscard]] counted_pointer<loop_future> end_pointer() const { return counted_pointer<loop_future>(end_of_wait); }

  std::atomic<std::size_t> left;                 // acq_rel: the last one comes after all
  std::atomic<std::ptrdiff_t> unsuccessful{-1};  // relaxed: published by `left`, and by who settles `over`
  end* const end_of_wait;
  stackless::future<> over;  // has it

  void settle() { (void)static_cast<loop_future_of<void>&>(over.core()).try_set(); }
};

future_wait::future_wait(std::span<const any_future> what, return_when when, deadline until)
    : what_(what.begin(), what.end()), state_(std::make_shared<state>(what.size())) {
  callbacks_.reserve(what_.size());
  for (const any_future& each : what_) {
    const auto index = std::ptrdiff_t(callbacks_.size());
    callbacks_.push_back(each.add_watch([s = state_, when, index](const any_future& done) {
      const bool counts = when == return_when::first_completed ||
                          (when != return_when::all_completed && has_failed(done)) ||
                          (when == first_unsuccessful && done.cancelled());
      std::ptrdiff_t none = -1;
      if (counts) s->unsuccessful.compare_exchange_strong(none, index, std::memory_order_relaxed);
      const bool last = s->left.fetch_sub(1, std::memory_order_acq_rel) == 1;
      if (last || counts) s->settle();
    }));
  }
  if (!until.is_never()) alarm_ = alarm_in_any_case(until, [s = state_] { s->settle(); });
}

future_wait::~future_wait() {
  alarm_.cancel();
  for (std::size_t i = 0; i < callbacks_.size(); ++i) what_[i].remove_done_callback(callbacks_[i]);
}

const stackless::future<>& future_wait::over() const noexcept { return state_->over; }
std::uint64_t future_wait::cancellation() const noexcept { return state_->end_of_wait->cancellation; }
std::ptrdiff_t future_wait::unsuccessful() const noexcept {
  return state_->unsuccessful.load(std::memory_order_relaxed);
}

struct done_queue::state {
  explicit state(std::size_t count) { done.reserve(count); }

  std::mutex lock;
  std::vector<std::ptrdiff_t> done;  // under `lock`; has room for all
  std::size_t taken = 0;             // under `lock`; of these
  stackless::future<> next;          // under `lock`
  std::atomic<bool> late{false};

  void wake() { (void)static_cast<loop_future_of<void>&>(next.core()).try_set(); }
};

done_queue::done_queue(std::vector<any_future> what, deadline until)
    : what_(std::move(what)), state_(std::make_shared<state>(what_.size())) {
  callbacks_.reserve(what_.size());
  for (const any_future& each : what_) {
    const auto index = std::ptrdiff_t(callbacks_.size());
    callbacks_.push_back(each.add_watch([s = state_, index] {
      const std::lock_guard guard(s->lock);
      s->done.push_back(index);
      s->wake();
    }));
  }
  if (until.is_never()) return;
  alarm_ = alarm_in_any_case(until, [s = state_] {
    const std::lock_guard guard(s->lock);
    s->late = true;
    s->wake();
  });
}

done_queue::~done_queue() {
  alarm_.cancel();
  for (std::size_t i = 0; i < callbacks_.size(); ++i) what_[i].remove_done_callback(callbacks_[i]);
}

std::ptrdiff_t done_queue::pop() {
  const std::lock_guard guard(state_->lock);
  if (state_->taken < state_->done.size()) return state_->done[state_->taken++];
  if (state_->next.done()) state_->next = stackless::future<>();
  return -1;
}

stackless::future<> done_queue::next() const {
  const std::lock_guard guard(state_->lock);
  return state_->next;
}

bool done_queue::is_late() const noexcept { return state_->late; }

stackless::task<bool> end_all(std::vector<any_future> what, bool& is_cancelled, std::uint64_t cancellation) {
  bool has_just_come = is_cancelled, all_heard = true;
  for (bool ended = false; !ended;) {
    bool is_heard = false;
    for (const any_future& each : what) is_heard |= has_just_come ? each.core().hand_on(cancellation) : each.cancel();
    if (has_just_come && !is_heard) all_heard = false;
    const future_wait waiting(what, return_when::all_completed, never);
    try {
      co_await waiting.over();
      ended = true;
    } catch (const cancelled&) {
      is_cancelled = has_just_come = true;
      cancellation = waiting.cancellation();
    }
  }
  co_return all_heard;
}

bool has_failed(const any_future& what) { return what.core().has_failed(); }
void forget_exception(const any_future& what) { what.core().forget_exception(); }

void throw_nothing_to_wait_for() {
  throw_error(std::errc::invalid_argument, "weft::stackless: wait() for no futures at all");
}

}  // namespace weft::detail
