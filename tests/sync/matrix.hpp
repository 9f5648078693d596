// SPDX-License-Identifier: BSL-1.0
// Every waiting operation in every situation, by every kind of actor.
//
// An operation is a struct with a primitive at which it has to wait (`primitive()`), and
//   perform(), perform_async()        the wait, for fibers and threads, and for tasks
//   perform_until(d), ..._async_until(d)   the timed one: whether it came true; if there is one
//   make_ready()                      lets one waiter go on, or the next who comes
//   finish()                          by the same actor, after it came true: gives back what it got
//   consumes                          it takes what make_ready() gave; or word_afterwards, if it does more
//   keeps                             make_ready() is kept for who comes later
//   cancellable
//   completes                         an arrival: it counts if the last one comes before it is withdrawn
// What must not have happened is seen in the word of the primitive: it is what it was.
#pragma once

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "sync/company.hpp"

namespace weft::test {

enum class ending { none, done, late, cancelled };

template <class Operation> class matrix {
 public:
  explicit matrix(kind who) : who_(who) {}

  void run_all() {
    already_ready();
    parks_then_woken();
    destroyed_afterwards();
    if constexpr (timed) {
      deadline_past();
      deadline_while_parked();
    }
    if (who_ == kind::thread) return;
    woken_then_cancelled();
    cancelled_before();
    cancelled_while_parked();
    if constexpr (Operation::cancellable) cancelled_then_woken();
  }

 private:
  static constexpr bool timed = requires(Operation & o) { o.perform_until(never); };

  void begin() {
    one_ = std::make_unique<Operation>();
    how_ = ending::none;
    noticed_ = false;
    word_ = look();
  }
  [[nodiscard]] detail::parking_lot::word look() { return detail::lot_access::of(one_->primitive()).look(); }

  // The actor locks `gate` in front of the operation, and `exit` behind it before it looks whether it is cancelled; the
  // test holds them meanwhile.
  struct details {
    std::optional<deadline> until = {};
    mutex* gate = nullptr;
    mutex* exit = nullptr;
    bool destroys = false;
  };
  void start(details with = {}) {
    actors_.start(
        who_,
        [this, with] {
          pass(with.gate);
          try {
            bool came_true = true;
            if constexpr (timed) {
              if (with.until)
                came_true = one_->perform_until(*with.until);
              else
                one_->perform();
            } else {
              one_->perform();
            }
            if (came_true) one_->finish();
            how_ = came_true ? ending::done : ending::late;
          } catch (const cancelled&) {
            how_ = ending::cancelled;
          }
          if (with.destroys) one_.reset();
          if (!with.exit) return;
          pass(with.exit);
          try {
            this_fiber::check_cancelled();
          } catch (const cancelled&) {
            noticed_ = true;
          }
        },
        [this, with]() -> stackless::task<> {
          co_await async_pass(with.gate);
          try {
            bool came_true = true;
            if constexpr (timed) {
              if (with.until)
                came_true = co_await one_->perform_async_until(*with.until);
              else
                co_await one_->perform_async();
            } else {
              co_await one_->perform_async();
            }
            if (came_true) one_->finish();
            how_ = came_true ? ending::done : ending::late;
          } catch (const cancelled&) {
            how_ = ending::cancelled;
          }
          if (with.destroys) one_.reset();
          if (!with.exit) co_return;
          co_await async_pass(with.exit);
          try {
            co_await stackless::yield();
          } catch (const cancelled&) {
            noticed_ = true;
          }
        });
  }
  static void pass(mutex* gate) {
    if (gate) gate->lock(), gate->unlock();
  }
  static stackless::task<> async_pass(mutex* gate) {
    if (!gate) co_return;
    co_await gate->async_lock();
    gate->unlock();
  }
  void park(mutex* exit = nullptr) {
    start({.exit = exit});
    await_waiters(one_->primitive(), 1);
  }
  void expect(ending how) {
    actors_.join();
    CHECK(how_ == how);
    if (one_) CHECK(waiters_of(one_->primitive()) == 0);
  }
  // It came true after make_ready(), whose effect alone is `ready`.
  void expect_word_of_success(detail::parking_lot::word ready) {
    if constexpr (requires { Operation::word_afterwards; })
      CHECK(look() == Operation::word_afterwards);
    else
      CHECK(look() == (Operation::consumes ? word_ : ready));
  }
  // What it would have been without any waiter.
  [[nodiscard]] static detail::parking_lot::word ready_word() {
    Operation other;
    other.make_ready();
    return detail::lot_access::of(other.primitive()).look();
  }
  // Nothing has happened: another one can have it all.
  void expect_untouched() {
    CHECK(look() == word_);
    one_->make_ready();
    CHECK(look() == ready_word());
  }

  void already_ready() {
    if constexpr (Operation::keeps) {
      begin();
      one_->make_ready();
      const auto ready = look();
      start();
      expect(ending::done);
      expect_word_of_success(ready);
    }
  }
  void parks_then_woken() {
    begin();
    park();
    one_->make_ready();
    expect(ending::done);
    expect_word_of_success(ready_word());
  }
  void destroyed_afterwards() {
    begin();
    start({.destroys = true});
    await_waiters(one_->primitive(), 1);
    one_->make_ready();
    expect(ending::done);
    CHECK(!one_);
  }
  void deadline_past() {
    begin();
    start({.until = deadline(std::chrono::seconds(-1))});
    expect(ending::late);
    expect_untouched();
    if constexpr (Operation::keeps) {
      begin();
      one_->make_ready();
      const auto ready = look();
      start({.until = deadline(std::chrono::seconds(-1))});
      expect(ending::done);
      expect_word_of_success(ready);
    }
  }
  void deadline_while_parked() {
    begin();
    start({.until = deadline(std::chrono::milliseconds(1))});
    expect(ending::late);
    expect_untouched();
  }
  // A cancellation that came too late is not lost: the next point throws.
  void woken_then_cancelled() {
    begin();
    mutex exit;
    exit.lock();
    park(&exit);
    one_->make_ready();
    actors_.cancel();
    exit.unlock();
    expect(ending::done);
    expect_word_of_success(ready_word());
    CHECK(noticed_);
  }
  void cancelled_then_woken() {
    begin();
    mutex exit;
    exit.lock();
    park(&exit);
    actors_.cancel();
    one_->make_ready();
    exit.unlock();
    actors_.join();
    if (Operation::completes && how_ == ending::done) {
      expect_word_of_success(ready_word());
      CHECK(noticed_);
    } else {
      expect(ending::cancelled);
      CHECK(look() == ready_word());
    }
  }
  void cancelled_before() {
    for (const bool ready : {false, true}) {
      if (ready ? !Operation::keeps : !Operation::cancellable) continue;
      begin();
      if (ready) one_->make_ready();
      const auto before = look();
      mutex gate;
      gate.lock();
      start({.gate = &gate});
      await_waiters(gate, 1);
      actors_.cancel();
      gate.unlock();
      expect(Operation::cancellable ? ending::cancelled : ending::done);
      if constexpr (Operation::cancellable)
        CHECK(look() == before);
      else
        expect_word_of_success(before);
    }
  }
  void cancelled_while_parked() {
    begin();
    mutex exit;
    exit.lock();
    park(&exit);
    actors_.cancel();
    if constexpr (Operation::cancellable) {
      exit.unlock();
      expect(ending::cancelled);
      CHECK(noticed_ == (who_ != kind::task));  // which is told once for each cancel()
      expect_untouched();
    } else {
      one_->make_ready();
      exit.unlock();
      expect(ending::done);
      expect_word_of_success(ready_word());
      CHECK(noticed_);
    }
  }

  const kind who_;
  std::unique_ptr<Operation> one_;
  company actors_;
  std::atomic<ending> how_{ending::none};
  std::atomic<bool> noticed_{false};  // a cancellation, after the operation
  detail::parking_lot::word word_ = 0;
};

}  // namespace weft::test
