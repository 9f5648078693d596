// SPDX-License-Identifier: BSL-1.0
// Those who use a primitive in a test: fibers that stay or move, plain threads and tasks, and how many of them wait.
#pragma once

#include <atomic>
#include <cstddef>
#include <list>
#include <thread>
#include <utility>
#include <vector>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "support/move_only_function.hpp"

namespace weft::detail {

struct lot_access {
  template <class Primitive> static parking_lot& of(Primitive& one) noexcept {
    if constexpr (requires { one.lot_; })
      return one.lot_;
    else if constexpr (requires { one.count_; })
      return one.count_.lot();
    else if constexpr (requires { one.condition_; })
      return one.condition_.lot();
    else if constexpr (requires { one.once_; })
      return of(one.once_);
    else if constexpr (requires { one.signal_; })
      return of(one.signal_);
    else if constexpr (requires { one.running_; })
      return of(one.running_);
    else
      return one.lot();
  }
};

}  // namespace weft::detail

namespace weft::test {

// How many wait nodes are linked there.
inline std::size_t waiters_of(detail::parking_lot& lot) {
  const auto state = lot.lock();
  std::size_t count = 0;
  for (const detail::wait_node* n = lot.queue().front(); n; n = n->next) ++count;
  lot.unlock(state);
  return count;
}
template <class Primitive> std::size_t waiters_of(Primitive& one) { return waiters_of(detail::lot_access::of(one)); }

// On a fiber: until so many wait there.
template <class Primitive> void await_waiters(Primitive& one, std::size_t count) {
  while (waiters_of(one) != count) this_fiber::yield();
}

enum class kind { fiber, other_worker, movable, thread, task };
inline constexpr kind kinds[] = {kind::fiber, kind::other_worker, kind::movable, kind::thread, kind::task};
constexpr const char* name_of(kind k) {
  constexpr const char* names[] = {"fiber", "fiber elsewhere", "movable fiber", "thread", "task"};
  return names[std::size_t(k)];
}

// Actors that were started from one fiber, which joins them. What they throw must not leave them, but for `cancelled`.
class company {
 public:
  company() = default;
  company(const company&) = delete;
  company& operator=(const company&) = delete;
  ~company() { join(); }

  // `blocking` runs on fibers and threads; `async` gives the task. Both are kept until the end.
  void start(kind k, move_only_function<void()> blocking, move_only_function<stackless::task<>()> async) {
    if (k == kind::thread) {
      live_.add();
      threads_.emplace_back([this, body = std::move(blocking)] {
        body();
        live_.done();
      });
    } else if (k == kind::task) {
      live_.add();
      tasks_.push_back(stackless::create_task(drive(bodies_.emplace_back(std::move(async)))));
    } else {
      const int last = int(this_runtime().stats().workers) - 1;
      fibers_.push_back(spawn({.movable = k == kind::movable,
                               .worker = k == kind::fiber          ? 0
                                         : k == kind::other_worker ? last
                                                                   : -1},
                              [body = std::move(blocking)] {
                                try {
                                  body();
                                } catch (const cancelled&) {
                                }
                              }));
    }
  }
  // Fibers and tasks; threads cannot be.
  void cancel() {
    for (auto& f : fibers_) f.cancel();
    for (auto& t : tasks_) t.cancel();
  }
  void join() {
    for (auto& f : std::exchange(fibers_, {})) f.join();
    live_.wait();  // threads and tasks, whose own joins would block the worker
    for (auto& t : std::exchange(threads_, {})) t.join();
    tasks_.clear();
    bodies_.clear();
  }

 private:
  stackless::task<> drive(move_only_function<stackless::task<>()>& body) {
    try {
      co_await body();
    } catch (const cancelled&) {
    }
    live_.done();
  }

  std::vector<fiber<void>> fibers_;
  std::vector<std::thread> threads_;
  std::list<move_only_function<stackless::task<>()>> bodies_;
  std::vector<stackless::task_handle<>> tasks_;
  wait_group live_;
};

}  // namespace weft::test
