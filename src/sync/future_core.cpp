// SPDX-License-Identifier: BSL-1.0
#include <weft/detail/sync/future_core.hpp>

#include <future>
#include <weft/base/error.hpp>
#include <weft/detail/sync/checkpoint.hpp>

#include "sync/lot_wait.hpp"

namespace weft::detail {

const lot_rule future_core::waiting{
    .what = "a future", .enter = [](parking_lot&, parking_lot::word& state, wait_node&, bool, wake_list&) noexcept {
      return state & ready ? entry::over : entry::wait;
    }};

// True: it was not set before.
bool future_core::raise(parking_lot::word bit) noexcept {
  for (auto seen = lot_.guess(); !(seen & bit);) {
    if (seen & parking_lot::flags) {
      seen = lot_.lock();
      lot_.unlock(seen | bit);
      return !(seen & bit);
    }
    if (lot_.try_change(seen, seen | bit)) return true;
  }
  return false;
}

bool future_core::take() noexcept { return raise(taken); }

void future_core::give_back() noexcept { lot_.unlock(lot_.lock() & ~taken); }

bool future_core::retrieve() noexcept { return raise(retrieved); }

void future_core::publish() noexcept {
  for (auto seen = lot_.guess(); !(seen & (parking_lot::flags | has_calls));) {
    if (lot_.try_change(seen, seen | ready)) return;
  }
  wake_list woken;
  const auto state = lot_.lock();
  lot_.queue().claim_all(outcome::woken, woken);
  std::unique_ptr<ready_call> calls = std::move(first_call_);
  lot_.unlock((state | ready) & ~has_calls);
  woken.unpark_all();
  while (calls) {
    calls->call();
    calls = std::move(calls->next);
  }
}

void future_core::add_call(std::unique_ptr<ready_call> what) noexcept {
  const auto state = lot_.lock();
  if (state & ready) {
    lot_.unlock(state);
    what->call();
    return;
  }
  ready_call* const last = what.get();
  (state & has_calls ? last_call_->next : first_call_) = std::move(what);
  last_call_ = last;
  lot_.unlock(state | has_calls);
}

bool future_core::wait_until(deadline until) {
  checkpoint();
  return is_ready() || wait_at(lot_, waiting, until);
}

bool future_core::show(wait_node& node) noexcept {
  const auto state = lot_.lock();
  const bool waits = !(state & ready);
  if (waits) lot_.queue().push_back(node);
  lot_.unlock(state);
  return waits;
}

void future_core::withdraw(wait_node& node) noexcept {
  const auto state = lot_.lock();
  lot_.queue().remove(node);
  lot_.unlock(state);
}

void throw_no_state() { throw std::future_error(std::future_errc::no_state); }
void throw_already_satisfied() { throw std::future_error(std::future_errc::promise_already_satisfied); }
void throw_already_retrieved() { throw std::future_error(std::future_errc::future_already_retrieved); }

std::exception_ptr broken_promise_error() {
  return std::make_exception_ptr(std::future_error(std::future_errc::broken_promise));
}

std::exception_ptr as_seen_by_others(std::exception_ptr error) {
  if (!error) throw_error(std::errc::invalid_argument, "weft: promise::set_exception: there is none (a null pointer)");
  try {
    std::rethrow_exception(error);
  } catch (const cancelled&) {
    return std::make_exception_ptr(std::system_error(std::make_error_code(std::errc::operation_canceled),
                                                     "weft: future::get: what should have set it was cancelled"));
  } catch (...) {
    return error;
  }
}

}  // namespace weft::detail
