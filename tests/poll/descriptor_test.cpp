// SPDX-License-Identifier: BSL-1.0
#include "poll/descriptor.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <string>
#include <system_error>

#include "poll/fixture.hpp"

using namespace weft::test;

namespace {

// Counts who comes and goes.
struct fake_poller final : poller {
  ~fake_poller() override { descriptor::forget(*this); }
  void attach(descriptor&) override {
    if (refuses) throw std::system_error(refuses, std::system_category(), "refused");
    ++attached;
  }
  void detach(descriptor&) noexcept override { ++detached; }
  void wait(std::int64_t, wake_list&) override {}
  void wake() noexcept override {}

  int attached = 0, detached = 0, refuses = 0;
};

// These tests make the events themselves.
int any_fd() { return ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

void edge(const owned& f, std::uint32_t events) {
  wake_list woken;
  f->deliver(events, f->generation(), woken);
  woken.unpark_all();
}

constexpr auto both = {direction::read, direction::write};

}  // namespace

TEST_CASE("numbers that are no descriptors are refused by name") {
  for (int fd : {-1, -1000, descriptor::table_limit, std::numeric_limits<int>::max()}) {
    CAPTURE(fd);
    try {
      descriptor::of(fd);
      FAIL("accepted");
    } catch (const std::system_error& e) {
      CHECK(e.code() == std::errc::bad_file_descriptor);
      CHECK(std::string(e.what()).find(std::to_string(fd)) != std::string::npos);
    }
    CHECK(descriptor::find(fd) == nullptr);
  }
  CHECK(descriptor::of(descriptor::table_limit - 1).number() == descriptor::table_limit - 1);
  descriptor& known = descriptor::of(300);
  CHECK(&known == descriptor::find(300));
  CHECK(known.number() == 300);
}

TEST_CASE("an edge that comes after the attempt began makes the waiter try again") {
  fake_poller mine;
  owned f(any_fd());
  for (auto which : both) {
    const auto seen = f->about_to_try(which);
    edge(f, which == direction::read ? EPOLLIN : EPOLLOUT);
    fake_waiter w;
    CHECK(w.begin(f.state(), which, seen) == wait_duty::retry);
    CHECK_FALSE(w.node->linked);
    CHECK(wait_on(w, f, which, mine) == wait_duty::park);
    f->wait_end(which, *w.node);
    CHECK_FALSE(w.node->linked);
  }
}

TEST_CASE("the attempt of another one does not take away my edge") {
  fake_poller mine;
  owned f(any_fd());
  const auto first = f->about_to_try(direction::read);
  edge(f, EPOLLIN);
  const auto second = f->about_to_try(direction::read);
  fake_waiter a, b;
  CHECK(b.begin(f.state(), direction::read, second) == wait_duty::park);
  CHECK(a.begin(f.state(), direction::read, first) == wait_duty::retry);
  f->wait_end(direction::read, *b.node);
}

TEST_CASE("an edge wakes all of its direction in order, and nobody of the other") {
  owned f(any_fd());
  fake_poller mine;
  fake_waiter readers[3], writer;
  for (auto& r : readers) CHECK(wait_on(r, f, direction::read, mine) == wait_duty::park);
  CHECK(wait_on(writer, f, direction::write, mine) == wait_duty::park);
  wake_list woken;
  f->deliver(EPOLLIN, f->generation(), woken);
  for (auto& r : readers) {
    CHECK(r.result() == outcome::woken);
    CHECK(woken.pop() == &r);
  }
  CHECK(woken.empty());
  CHECK(writer.waiting());
  edge(f, EPOLLOUT);
  CHECK(writer.unparked == 1);
}

TEST_CASE("which events let whom try again") {
  struct {
    std::uint32_t event;
    bool reads, writes, sticks;
  } const table[] = {{EPOLLIN, true, false, false}, {EPOLLOUT, false, true, false}, {EPOLLRDHUP, true, false, true},
                     {EPOLLPRI, true, false, true}, {EPOLLHUP, true, true, true},   {EPOLLERR, true, true, true}};
  fake_poller mine;
  for (const auto& row : table) {
    CAPTURE(row.event);
    owned f(any_fd(), short_reads::mean_drained);
    fake_waiter r, w;
    CHECK(wait_on(r, f, direction::read, mine) == wait_duty::park);
    CHECK(wait_on(w, f, direction::write, mine) == wait_duty::park);
    edge(f, row.event);
    CHECK(r.unparked == row.reads);
    CHECK(w.unparked == row.writes);
    CHECK(f->sticky_events() == (row.sticks ? row.event : 0));
    edge(f, EPOLLIN | EPOLLOUT);
    CHECK(f->sticky_events() == (row.sticks ? row.event : 0));  // remembered
    const auto seen = f->about_to_try(direction::read);
    f->note_short_read(seen);
    CHECK(f->drained_since() == (row.sticks ? 0 : seen));
  }
}

TEST_CASE("after a hangup was heard and the kernel says EAGAIN all the same, one can wait for the next") {
  // A fifo whose last writer has gone gets a new one: its reader must not spin on the old hangup.
  fake_poller mine;
  owned f(any_fd());
  edge(f, EPOLLHUP);
  fake_waiter w;
  CHECK(wait_on(w, f, direction::read, mine) == wait_duty::park);
  edge(f, EPOLLIN);
  CHECK(w.unparked == 1);
}

TEST_CASE("a waiter whose wait ended otherwise takes no wake away from the others") {
  fake_poller mine;
  owned f(any_fd());
  fake_waiter timed_out, next;
  CHECK(wait_on(timed_out, f, direction::read, mine) == wait_duty::park);
  CHECK(wait_on(next, f, direction::read, mine) == wait_duty::park);
  CHECK(timed_out.word.win(timed_out.ticket, outcome::deadline));
  edge(f, EPOLLIN);
  CHECK(timed_out.unparked == 0);
  CHECK(next.unparked == 1);
  f->wait_end(direction::read, *timed_out.node);
}

TEST_CASE("a close wakes all waiters, then deregisters; who comes late is told") {
  fake_poller mine;
  owned f(any_fd());
  fake_waiter r, w, late;
  const auto seen = f->about_to_try(direction::read);
  CHECK(wait_on(r, f, direction::read, mine) == wait_duty::park);
  CHECK(wait_on(w, f, direction::write, mine) == wait_duty::park);
  descriptor& d = f.state();
  f.close();
  for (auto* one : {&r, &w}) {
    CHECK(one->unparked == 1);
    CHECK(one->result() == outcome::closed);
    CHECK_FALSE(one->node->linked);
  }
  CHECK(mine.detached == 1);
  d.settle(mine, seen);
  CHECK(mine.attached == 1);  // not for a life that is over
  CHECK(late.begin(d, direction::read, seen) == wait_duty::closed);
}

TEST_CASE("an attempt of an earlier life is told of the close, even after the number came back") {
  fake_poller mine;
  const auto ends = make_pipe();
  owned f(ends[0]);
  descriptor& d = f.state();
  const auto seen = d.about_to_try(direction::read);
  f.close();
  REQUIRE(::dup2(ends[1], ends[0]) == ends[0]);
  owned again(ends[0]);
  fake_waiter w;
  d.settle(mine, seen);
  CHECK(mine.attached == 0);
  CHECK(w.begin(d, direction::read, seen) == wait_duty::closed);
  // Nor does a short read of then say anything about now.
  d.note_short_read(seen);
  CHECK(d.drained_since() == 0);
  ::close(ends[1]);
}

TEST_CASE("an event of an earlier life wakes nobody") {
  fake_poller mine;
  owned f(any_fd());
  const auto old = f->generation();
  wake_list woken;
  f->open(short_reads::mean_nothing, woken);  // the number came back
  fake_waiter w;
  CHECK(wait_on(w, f, direction::read, mine) == wait_duty::park);
  f->deliver(EPOLLIN | EPOLLHUP, old, woken);
  CHECK(woken.empty());
  CHECK(w.waiting());
  CHECK(f->sticky_events() == 0);
  f->wait_end(direction::read, *w.node);
}

TEST_CASE("a file that was closed behind our back is let go when its number is opened again") {
  fake_poller mine;
  owned f(any_fd());
  fake_waiter w;
  CHECK(wait_on(w, f, direction::read, mine) == wait_duty::park);
  wake_list woken;
  f->open(short_reads::mean_nothing, woken);
  woken.unpark_all();
  CHECK(w.result() == outcome::closed);
  CHECK(mine.detached == 1);
}

TEST_CASE("a borrowed number is registered from the first borrow to the last return") {
  fake_poller mine;
  const auto ends = make_pipe();
  descriptor& d = descriptor::of(ends[0]);
  wake_list woken;
  d.borrow(woken);
  const auto life = d.generation();
  d.borrow(woken);
  const auto seen = d.about_to_try(direction::read);
  d.settle(mine, seen);
  fake_waiter w;
  CHECK(w.begin(d, direction::read, seen) == wait_duty::park);
  d.give_back(woken);
  CHECK(w.waiting());
  CHECK(d.generation() == life);
  CHECK(mine.detached == 0);
  d.wait_end(direction::read, *w.node);
  d.give_back(woken);
  CHECK(mine.detached == 1);
  CHECK(d.generation() != life);

  owned f(ends[0]);  // an open one is not let go by who only borrows it
  const auto opened = d.generation();
  d.borrow(woken);
  d.settle(mine, d.about_to_try(direction::read));
  d.give_back(woken);
  CHECK(d.generation() == opened);
  CHECK(mine.detached == 1);
  ::close(ends[1]);
}

TEST_CASE("a descriptor stays with the poller that waited first, and moves when another keeps waiting") {
  owned f(any_fd());
  fake_poller first, second;
  auto settle = [&](poller& p) { f->settle(p, f->about_to_try(direction::read)); };
  settle(first);
  settle(first);
  CHECK(first.attached == 1);
  for (int i = 1; i < descriptor::moves_after; ++i) settle(second);
  CHECK(second.attached == 0);
  settle(first);  // not in a row
  for (int i = 1; i < descriptor::moves_after; ++i) settle(second);
  CHECK(second.attached == 0);
  second.refuses = ENOSPC;
  settle(second);  // a move that fails changes nothing
  CHECK(first.detached == 0);
  second.refuses = 0;
  for (int i = 1; i < descriptor::moves_after; ++i) settle(second);
  CHECK(second.attached == 0);  // it is tried again only after as many waits
  settle(second);
  CHECK(second.attached == 1);
  CHECK(first.detached == 1);
  for (int i = 1; i < descriptor::moves_after; ++i) settle(first);  // counts from the move on
  CHECK(first.attached == 1);
  settle(second);
  CHECK(second.attached == 1);
}

TEST_CASE("a first registration that is refused can be tried again") {
  owned f(any_fd());
  fake_poller mine;
  mine.refuses = ENOMEM;
  const auto seen = f->about_to_try(direction::read);
  CHECK_THROWS_AS(f->settle(mine, seen), std::system_error);
  mine.refuses = 0;
  f->settle(mine, seen);
  CHECK(mine.attached == 1);
}

TEST_CASE("the end of a poller wakes who waits there, and another poller takes over") {
  owned f(any_fd());
  fake_waiter w;
  fake_poller next;
  {
    fake_poller first;
    CHECK(wait_on(w, f, direction::read, first) == wait_duty::park);
  }
  CHECK(w.result() == outcome::woken);
  CHECK(wait_on(w, f, direction::read, next) == wait_duty::park);
  CHECK(next.attached == 1);
  f->wait_end(direction::read, *w.node);
}
