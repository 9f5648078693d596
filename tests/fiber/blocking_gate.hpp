// SPDX-License-Identifier: BSL-1.0
// What the tests of blocking calls share.
#pragma once

#include <atomic>
#include <system_error>
#include <thread>
#include <utility>
#include <weft/weft.hpp>

#include "support/refusal.hpp"
#include "support/scale.hpp"

namespace weft::test {

template <class F> void on_fiber(F&& body, unsigned threads = 64) {
  weft::run(std::forward<F>(body), {.workers = workers(), .blocking_threads = threads});
}

// Something that blocks, and a way to see that it does.
struct gate {
  void pass() {
    entered = true;
    entered.notify_all();
    open.wait(false);
  }
  void until_entered() const {
    while (!entered) weft::this_fiber::yield();
  }
  void let_go() {
    open = true;
    open.notify_all();
  }
  std::atomic<bool> entered{false}, open{false};
};

// Until a fiber of worker 0 that says so just before waits: it does not leave the worker between.
inline void until_parked(const std::atomic<bool>& about) {
  while (!about) weft::this_fiber::yield();
  weft::spawn({.worker = 0}, [] {}).join();
}

// Says on which thread it ends; copies and moved-from ones do not.
struct noted {
  explicit noted(std::atomic<std::thread::id>& where) : ended(&where) {}
  noted(noted&& other) noexcept : ended(std::exchange(other.ended, nullptr)) {}
  ~noted() {
    if (ended) *ended = std::this_thread::get_id();
  }
  std::atomic<std::thread::id>* ended;
};

}  // namespace weft::test
