// SPDX-License-Identifier: BSL-1.0
// Litmus tests of the descriptor's protocol: waiters, pollers and closers on threads of their own.
#include <sys/wait.h>

#include <atomic>
#include <optional>
#include <thread>

#include "poll/fixture.hpp"
#include "support/scale.hpp"

using namespace weft::test;

namespace {

// A worker that does nothing but poll.
class polling_thread {
 public:
  polling_thread() : thread_([this] { run(); }) {}
  ~polling_thread() {
    done_.store(true, std::memory_order_release);
    mine.wake();
    thread_.join();
  }
  epoll_poller mine;

 private:
  void run() {
    while (!done_.load(std::memory_order_acquire)) {
      wake_list woken;
      mine.wait(no_end, woken);
      woken.unpark_all();
    }
  }
  std::atomic<bool> done_{false};
  std::thread thread_;
};

// Parks a plain thread until its waiter, which waits for the first time, is unparked.
outcome await(const fake_waiter& w) {
  while (w.unparked.load(std::memory_order_acquire) == 0) std::this_thread::yield();
  return w.result();
}

}  // namespace

TEST_CASE("no byte is lost between a reader, a writer and a poller on three threads") {
  const std::size_t count = scaled(30'000);
  polling_thread worker, other;
  const auto ends = make_unix_pair();
  owned near(ends[0]), far(ends[1]);
  std::thread writer([&] {
    for (std::size_t i = 0; i < count; ++i) {
      while (::send(far.fd(), "x", 1, MSG_NOSIGNAL) != 1) {
        const auto seen = far->about_to_try(direction::write);
        if (::send(far.fd(), "x", 1, MSG_NOSIGNAL) == 1) break;
        far->settle(other.mine, seen);
        fake_waiter me;
        if (me.begin(far.state(), direction::write, seen) == wait_duty::park) await(me);
      }
      if (i % 8 == 0) std::this_thread::yield();
    }
  });
  std::size_t got = 0;
  while (got < count) {
    char byte[2];
    const auto seen = near->about_to_try(direction::read);
    const ssize_t n = ::recv(near.fd(), byte, sizeof byte, 0);
    if (n > 0) {
      got += static_cast<std::size_t>(n);
      continue;
    }
    // The registration moves to and fro meanwhile.
    near->settle(got / 64 % 2 ? worker.mine : other.mine, seen);
    fake_waiter me;
    if (me.begin(near.state(), direction::read, seen) == wait_duty::park) REQUIRE(await(me) == outcome::woken);
  }
  writer.join();
  CHECK(got == count);
}

TEST_CASE("under fire a number that is reused hears nothing of its earlier lives") {
  polling_thread worker;
  std::size_t stale = 0, heard = 0;
  const std::size_t lives = scaled(20'000);
  for (std::size_t i = 0; i < lives; ++i) {
    const auto ends = make_pipe();  // the same numbers every time
    const bool loud = i % 2 == 0;
    owned r(ends[0]), w(ends[1]);
    fake_waiter one, two;
    REQUIRE(wait_on(one, r, direction::read, worker.mine) == wait_duty::park);
    REQUIRE(wait_on(two, r, direction::read, worker.mine) == wait_duty::park);
    if (loud) REQUIRE(::write(w.fd(), "x", 1) == 1);  // and the event races with the close
    if (i % 16 == 0 && loud) heard += await(one) == outcome::woken;
    r.close();
    REQUIRE_FALSE(one.waiting());
    REQUIRE_FALSE(two.waiting());
    const auto first = await(one), second = await(two);
    stale += !loud && (first != outcome::closed || second != outcome::closed);
  }
  CHECK(stale == 0);
  CHECK(heard == (lives + 15) / 16);
}

TEST_CASE("a close that races with a wait is never missed") {
  polling_thread worker;
  const std::size_t rounds = scaled(20'000);
  std::atomic<std::size_t> ready{0}, closed{0};
  std::atomic<owned*> current{nullptr};
  std::thread closer([&] {
    for (std::size_t i = 1; i <= rounds; ++i) {
      while (ready.load(std::memory_order_acquire) != i) std::this_thread::yield();
      current.load(std::memory_order_relaxed)->close();
      closed.store(i, std::memory_order_release);
    }
  });
  for (std::size_t i = 1; i <= rounds; ++i) {
    const auto ends = make_pipe();
    owned r(ends[0]), w(ends[1]);
    descriptor& d = r.state();
    const auto seen = d.about_to_try(direction::read);
    current.store(&r, std::memory_order_relaxed);
    ready.store(i, std::memory_order_release);
    for (int act = 0; act < 2; ++act) {
      fake_waiter me;
      d.settle(worker.mine, seen);
      const auto duty = me.begin(d, direction::read, seen);
      REQUIRE(duty != wait_duty::retry);
      if (duty == wait_duty::park) REQUIRE(await(me) == outcome::closed);
    }
    while (closed.load(std::memory_order_acquire) != i) std::this_thread::yield();
  }
  closer.join();
}

TEST_CASE("a close waits for a registration that is being made, or it would be made for a stranger") {
  struct slow_poller final : poller {
    ~slow_poller() override { descriptor::forget(*this); }
    void attach(descriptor&) override {
      entered.store(true, std::memory_order_release);
      for (int i = 0; i < 2000 && !closed.load(std::memory_order_relaxed); ++i) std::this_thread::yield();
      too_late = closed.load(std::memory_order_relaxed);
    }
    void detach(descriptor&) noexcept override { ++detached; }
    void wait(std::int64_t, wake_list&) override {}
    void wake() noexcept override {}
    std::atomic<bool> entered{false}, closed{false};
    bool too_late = false;
    int detached = 0;
  } mine;
  const auto ends = make_pipe();
  owned r(ends[0]), w(ends[1]);
  descriptor& d = r.state();
  const auto seen = d.about_to_try(direction::read);
  std::thread waiter([&] { d.settle(mine, seen); });
  while (!mine.entered.load(std::memory_order_acquire)) std::this_thread::yield();
  r.close();
  mine.closed.store(true, std::memory_order_relaxed);
  waiter.join();
  CHECK_FALSE(mine.too_late);
  CHECK(mine.detached == 1);
}

TEST_CASE("the next registration of a number, and the end of its poller, wait until the last one is undone") {
  struct undoing {
    std::atomic<bool> begun{false}, overtaken{false};
    bool too_early = false;
  };
  struct slow_poller final : poller {
    explicit slow_poller(undoing& what) : of(what) {}
    ~slow_poller() override {
      descriptor::forget(*this);
      of.overtaken = true;
    }
    void attach(descriptor&) override { of.overtaken = of.begun.load(); }
    void detach(descriptor&) noexcept override {
      undoing& here = of;  // the poller may be gone
      here.begun = true;
      for (int i = 0; i < 2000 && !here.overtaken; ++i) std::this_thread::yield();
      here.too_early = here.overtaken;
    }
    void wait(std::int64_t, wake_list&) override {}
    void wake() noexcept override {}
    undoing& of;
  };
  for (const bool poller_ends : {false, true}) {
    undoing state;
    slow_poller other(state);
    std::optional<slow_poller> mine(state);
    const auto ends = make_pipe();
    owned r(ends[0]), w(ends[1]);
    descriptor& d = r.state();
    d.settle(*mine, d.about_to_try(direction::read));
    std::thread closer([&] { r.close(); });
    while (!state.begun) std::this_thread::yield();
    if (poller_ends)
      mine.reset();
    else
      d.settle(other, d.about_to_try(direction::read));
    closer.join();
    CHECK_FALSE(state.too_early);
  }
}

TEST_CASE("the end of a poller waits for who asks it whose a registration is") {
  struct asking {
    std::atomic<bool> begun{false}, overtaken{false};
    bool too_early = false;
  } state;
  struct slow_poller final : poller {
    explicit slow_poller(asking& what) : of(what) {}
    ~slow_poller() override {
      descriptor::forget(*this);
      of.overtaken = true;
    }
    void attach(descriptor&) override {}
    void detach(descriptor&) noexcept override {}
    bool still_hears(descriptor&) noexcept override {
      asking& here = of;  // the poller may be gone
      here.begun = true;
      for (int i = 0; i < 2000 && !here.overtaken; ++i) std::this_thread::yield();
      here.too_early = here.overtaken;
      return true;
    }
    void wait(std::int64_t, wake_list&) override {}
    void wake() noexcept override {}
    asking& of;
  };
  std::optional<slow_poller> mine(state);
  descriptor& d = descriptor::of(700);  // which nobody has
  wake_list nobody;
  d.keep(1, short_reads::mean_nothing, nobody);
  d.settle(*mine, d.about_to_try(direction::read));
  std::thread asker([&d] {
    wake_list woken;
    d.confirm(woken);
  });
  while (!state.begun) std::this_thread::yield();
  mine.reset();
  asker.join();
  CHECK_FALSE(state.too_early);
  d.close(nobody);
}

TEST_CASE("a deadline that races with an edge leaves no node behind") {
  polling_thread worker;
  const auto ends = make_pipe();
  owned r(ends[0]), w(ends[1]);
  const std::size_t rounds = scaled(20'000);
  for (std::size_t i = 0; i < rounds; ++i) {
    fake_waiter me;
    drain(r.fd());
    const auto seen = r->about_to_try(direction::read);
    r->settle(worker.mine, seen);
    if (me.begin(r.state(), direction::read, seen) != wait_duty::park) continue;
    REQUIRE(::write(w.fd(), "x", 1) == 1);
    if (i % 2) std::this_thread::yield();
    if (me.word.win(me.ticket, outcome::deadline)) {
      r->wait_end(direction::read, *me.node);
    } else {
      await(me);
    }
    // The frame goes; ASan and TSan see who still comes.
  }
}

TEST_CASE("a child of fork that closes everything leaves the parent's registrations alone") {
  polling_thread busy;  // with its locks taken at any moment
  epoll_poller mine;
  const auto ends = make_unix_pair();
  owned near(ends[0]), far(ends[1]);
  fake_waiter here;
  CHECK(wait_on(here, near, direction::read, mine) == wait_duty::park);
  serve_now(mine);

  const auto traffic = make_unix_pair();
  owned left(traffic[0]), right(traffic[1]);
  std::atomic<bool> stop{false};
  std::thread load([&] {
    while (!stop.load(std::memory_order_relaxed)) {
      fake_waiter w;
      if (wait_on(w, left, direction::read, busy.mine) != wait_duty::park) continue;
      send_text(right.fd(), "x");
      await(w);
      drain(left.fd());
    }
  });

  SUBCASE("through its descriptors") {
    for (int i = 0; i < 10; ++i) {
      const pid_t child = ::fork();
      if (child == 0) {
        wake_list nobody;
        for (owned* f : {&near, &far, &left, &right}) f->state().close(nobody);
        const bool foreign_left_alone = nobody.empty() && here.waiting();
        bool refused = false;
        try {
          near->settle(mine, near->about_to_try(direction::read));
        } catch (const std::system_error&) {
          refused = true;
        }
        for (int fd = 3; fd < 256; ++fd) ::close(fd);
        ::_exit(foreign_left_alone && refused ? 0 : 1);
      }
      int status = -1;
      REQUIRE(::waitpid(child, &status, 0) == child);
      CHECK(status == 0);
    }
  }
  SUBCASE("past the fork handlers") {
    const pid_t child = ::_Fork();
    if (child == 0) {
      mine.detach(near.state());
      ::_exit(0);
    }
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
  }
  stop.store(true, std::memory_order_relaxed);
  load.join();
  CHECK(here.waiting());
  send_text(far.fd(), "still heard");
  serve_until(mine, [&] { return here.unparked == 1; });
}

TEST_CASE("a child of fork begins anew with what its parent kept, borrowed and asked") {
  descriptor& d = descriptor::of(700);  // which nobody has
  wake_list nobody;
  d.keep(1, short_reads::mean_nothing, nobody);
  d.borrow(nobody);
  CHECK(d.try_to_ask());
  const pid_t child = ::fork();
  if (child == 0) {
    const bool is_new = !d.is_kept() && d.kept_as() == 0 && !d.is_relied_on() && d.try_to_ask();
    ::_exit(is_new ? 0 : 1);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(d.kept_as() == 1);
  d.has_asked();
  d.give_back(nobody);
  d.close(nobody);
}
