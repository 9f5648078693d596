// SPDX-License-Identifier: BSL-1.0
#include "sync/matrix.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <weft/weft.hpp>

namespace weft::test {
namespace {

enum class ending { none, done, late, cancelled };

// The actor locks `gate` in front of the operation, and `exit` behind it before it looks whether it is cancelled; the
// test holds them meanwhile.
struct details {
  std::optional<deadline> until = {};
  mutex* gate = nullptr;
  mutex* exit = nullptr;
  bool destroys = false;
};

class matrix {
 public:
  matrix(operation_maker& make, kind who) : make_(make), is_(make()->is()), who_(who) {}

  void run_all() {
    already_ready();
    parks_then_woken();
    destroyed_afterwards();
    if (is_.timed) {
      deadline_past();
      deadline_while_parked();
    }
    if (who_ == kind::thread) return;
    woken_then_cancelled();
    cancelled_before();
    cancelled_while_parked();
    if (is_.cancellable) cancelled_then_woken();
  }

 private:
  void begin() {
    one_ = make_();
    how_ = ending::none;
    noticed_ = false;
    word_ = look();
  }
  [[nodiscard]] detail::parking_lot::word look() { return one_->lot().look(); }

  void start(details with = {}) {
    actors_.start(
        who_,
        [this, with] {
          pass(with.gate);
          try {
            bool came_true = true;
            if (with.until)
              came_true = one_->perform_until(*with.until);
            else
              one_->perform();
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
            if (with.until)
              came_true = co_await one_->perform_async_until(*with.until);
            else
              co_await one_->perform_async();
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
    await_waiters(one_->lot(), 1);
  }
  void expect(ending how) {
    actors_.join();
    CHECK(how_ == how);
    if (one_) CHECK(waiters_of(one_->lot()) == 0);
  }
  // It came true after make_ready(), whose effect alone is `ready`.
  void expect_word_of_success(detail::parking_lot::word ready) {
    CHECK(look() == is_.word_afterwards.value_or(is_.consumes ? word_ : ready));
  }
  // What it would have been without any waiter.
  [[nodiscard]] detail::parking_lot::word ready_word() {
    const auto other = make_();
    other->make_ready();
    return other->lot().look();
  }
  // Nothing has happened: another one can have it all.
  void expect_untouched() {
    CHECK(look() == word_);
    one_->make_ready();
    CHECK(look() == ready_word());
  }

  void already_ready() {
    if (is_.keeps) {
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
    await_waiters(one_->lot(), 1);
    one_->make_ready();
    expect(ending::done);
    CHECK(!one_);
  }
  void deadline_past() {
    begin();
    start({.until = deadline(std::chrono::seconds(-1))});
    expect(ending::late);
    expect_untouched();
    if (is_.keeps) {
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
    if (is_.completes && how_ == ending::done) {
      expect_word_of_success(ready_word());
      CHECK(noticed_);
    } else {
      expect(ending::cancelled);
      CHECK(look() == ready_word());
    }
  }
  void cancelled_before() {
    for (const bool ready : {false, true}) {
      if (ready ? !is_.keeps : !is_.cancellable) continue;
      begin();
      if (ready) one_->make_ready();
      const auto before = look();
      mutex gate;
      gate.lock();
      start({.gate = &gate});
      await_waiters(gate, 1);
      actors_.cancel();
      gate.unlock();
      expect(is_.cancellable ? ending::cancelled : ending::done);
      if (is_.cancellable)
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
    if (is_.cancellable) {
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

  operation_maker& make_;
  const waiting_operation::properties is_;
  const kind who_;
  std::unique_ptr<waiting_operation> one_;
  company actors_;
  std::atomic<ending> how_{ending::none};
  std::atomic<bool> noticed_{false};  // a cancellation, after the operation
  detail::parking_lot::word word_ = 0;
};

}  // namespace

void try_all_situations(operation_maker& make, kind who) { matrix(make, who).run_all(); }

}  // namespace weft::test
