// SPDX-License-Identifier: BSL-1.0
// Kept files: the program's, whose lives last from `keep` to `close`, and which may turn out to be others.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

#include <thread>

#include "poll/fixture.hpp"

using namespace weft::test;

namespace {

struct asked_poller final : poller {
  ~asked_poller() override { descriptor::forget(*this); }
  void attach(descriptor&) override { ++attached; }
  void detach(descriptor&) noexcept override { ++detached; }
  bool still_hears(descriptor&) noexcept override {
    ++asked;
    return hears;
  }
  void wait(std::int64_t, wake_list&) override {}
  void wake() noexcept override {}

  int attached = 0, detached = 0, asked = 0;
  bool hears = true;
};

// A number that nobody has, kept or not.
class unowned {
 public:
  ~unowned() { close(); }
  [[nodiscard]] descriptor& state() const { return descriptor::of(700); }
  descriptor* operator->() const { return &state(); }
  void keep(std::uint32_t what, short_reads trust = short_reads::mean_nothing) const {
    wake_list woken;
    state().keep(what, trust, woken);
    woken.unpark_all();
  }
  void confirm() const {
    wake_list woken;
    state().confirm(woken);
    woken.unpark_all();
  }
  void close() const {
    wake_list woken;
    state().close(woken);
    woken.unpark_all();
  }
};

void park(fake_waiter& w, descriptor& d, direction which, poller& mine) {
  const auto seen = d.about_to_try(which);
  d.settle(mine, seen);
  REQUIRE(w.begin(d, which, seen) == wait_duty::park);
}

}  // namespace

TEST_CASE("a kept number stays registered between waits, until it is closed") {
  asked_poller mine;
  const unowned f;
  CHECK(f->kept_as() == 0);
  CHECK_FALSE(f->is_kept());
  f.keep(42);
  CHECK(f->kept_as() == 42);
  CHECK(f->is_kept());
  const auto life = f->generation();
  for (int i = 0; i < 3; ++i) {
    fake_waiter w;
    park(w, f.state(), direction::read, mine);
    f->wait_end(direction::read, *w.node);
  }
  f.keep(43);
  CHECK(f->kept_as() == 43);
  CHECK(f->generation() == life);
  CHECK(mine.attached == 1);
  CHECK(mine.detached == 0);
  fake_waiter w;
  park(w, f.state(), direction::write, mine);
  wake_list woken;
  f->close(woken);
  woken.unpark_all();
  CHECK(w.result() == outcome::closed);
  CHECK(mine.detached == 1);
  CHECK(f->kept_as() == 0);
  CHECK_FALSE(f->is_kept());
}

TEST_CASE(
    "who comes between the end of a kept life and the close of the number is woken after it, a new file's is not") {
  asked_poller mine;
  const unowned f;
  f.keep(1);
  wake_list woken;
  f->close(woken);
  fake_waiter late;
  park(late, f.state(), direction::read, mine);
  f->close_late(woken);
  woken.unpark_all();
  CHECK(late.result() == outcome::closed);
  CHECK(mine.detached == 1);
  f.keep(2);
  fake_waiter next;
  park(next, f.state(), direction::read, mine);
  f->close_late(woken);
  woken.unpark_all();
  CHECK(next.result() == outcome::none);
  CHECK(f->kept_as() == 2);
  f->wait_end(direction::read, *next.node);
}

TEST_CASE("a close that is told late does nothing to a file that weft has opened since") {
  asked_poller mine;
  owned f(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  fake_waiter w;
  CHECK(wait_on(w, f, direction::read, mine) == wait_duty::park);
  wake_list woken;
  f->close_late(woken);
  CHECK(woken.empty());
  CHECK(w.waiting());
  CHECK(mine.detached == 0);
  f->wait_end(direction::read, *w.node);
}

TEST_CASE("to keep a number ends what was known of it before") {
  asked_poller mine;
  const unowned f;
  wake_list woken;
  f->borrow(woken);
  const auto seen = f->about_to_try(direction::read);
  f->settle(mine, seen);
  f->give_back(woken);
  CHECK(mine.detached == 1);
  f->settle(mine, f->about_to_try(direction::read));  // registered, and nobody's
  f.keep(1);
  CHECK(mine.detached == 2);
}

TEST_CASE("to keep an open number only notes what it is") {
  asked_poller mine;
  owned f(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  fake_waiter w;
  CHECK(wait_on(w, f, direction::read, mine) == wait_duty::park);
  const auto life = f->generation();
  wake_list woken;
  f->keep(7, short_reads::mean_nothing, woken);
  CHECK(woken.empty());
  CHECK(w.waiting());
  CHECK(f->kept_as() == 7);
  CHECK_FALSE(f->is_kept());
  CHECK(f->generation() == life);
  const int number = f.fd();
  f.close();
  CHECK(descriptor::of(number).kept_as() == 0);
}

TEST_CASE("to borrow a kept number neither begins nor ends a life") {
  asked_poller mine;
  const unowned f;
  f.keep(1);
  const auto life = f->generation();
  fake_waiter w;
  park(w, f.state(), direction::read, mine);
  wake_list woken;
  f->borrow(woken);
  f->give_back(woken);
  CHECK(woken.empty());
  CHECK(w.waiting());
  CHECK(f->generation() == life);
  CHECK(mine.detached == 0);
  f->wait_end(direction::read, *w.node);
}

TEST_CASE("a number that is kept while somebody borrows it stays when that one has given it back") {
  asked_poller mine;
  const unowned f;
  wake_list woken;
  f->borrow(woken);
  fake_waiter w;
  park(w, f.state(), direction::read, mine);
  f.keep(1, short_reads::mean_drained);
  CHECK(w.waiting());
  f->wait_end(direction::read, *w.node);
  f->give_back(woken);
  CHECK(f->kept_as() == 1);
  CHECK(mine.detached == 0);
  f->note_short_read(f->about_to_try(direction::read));
  CHECK(f->drained_since() == 0);  // the life began without trust
}

TEST_CASE("a borrowed number is relied on, and who joins a borrower may ask whose the registration is") {
  asked_poller mine;
  const unowned f;
  wake_list woken;
  CHECK_FALSE(f->is_relied_on());
  CHECK_FALSE(f->borrow(woken));
  CHECK(f->is_relied_on());
  fake_waiter w;
  park(w, f.state(), direction::read, mine);
  CHECK(f->borrow(woken));
  mine.hears = false;
  f.confirm();
  CHECK(w.result() == outcome::woken);
  fake_waiter again;
  park(again, f.state(), direction::read, mine);
  CHECK(mine.attached == 2);
  f.close();  // told by who closes it
  CHECK(again.result() == outcome::closed);
  f->give_back(woken);
  CHECK(f->is_relied_on());
  f->give_back(woken);
  CHECK_FALSE(f->is_relied_on());
}

TEST_CASE("a kept file that is confirmed goes on as it was") {
  asked_poller mine;
  const unowned f;
  f.keep(5, short_reads::mean_drained);
  f.confirm();
  CHECK(mine.asked == 0);  // nobody listens yet
  fake_waiter w;
  park(w, f.state(), direction::read, mine);
  f.confirm();
  CHECK(mine.asked == 1);
  CHECK(w.waiting());
  CHECK(f->kept_as() == 5);
  f->wait_end(direction::read, *w.node);
}

TEST_CASE("a kept file that is another one is found out, and all begin again") {
  asked_poller mine;
  const unowned f;
  f.keep(5, short_reads::mean_drained);
  const auto life = f->generation();
  const auto seen = f->about_to_try(direction::read);
  f->note_short_read(seen);
  CHECK(f->drained_since() == seen);
  fake_waiter reader, writer;
  park(reader, f.state(), direction::read, mine);
  park(writer, f.state(), direction::write, mine);
  mine.hears = false;
  f.confirm();
  CHECK(reader.result() == outcome::woken);
  CHECK(writer.result() == outcome::woken);
  CHECK(f->kept_as() == 0);
  CHECK(f->drained_since() == 0);
  CHECK(f->is_kept());  // until it is closed
  CHECK(f->generation() == life);
  CHECK(mine.detached == 0);  // there is nothing to let go
  f.keep(6, short_reads::mean_drained);
  CHECK(f->kept_as() == 6);
  fake_waiter w;
  park(w, f.state(), direction::read, mine);
  CHECK(mine.attached == 2);
  f->wait_end(direction::read, *w.node);
  f->note_short_read(f->about_to_try(direction::read));
  CHECK(f->drained_since() != 0);
  f->distrust();
  CHECK(f->drained_since() == 0);
}

TEST_CASE("what is remembered changes only if it is still what it was") {
  const unowned f;
  f.keep(1);
  const std::uint64_t before = f->memory();
  f->remember(before, 3);
  CHECK(f->kept_as() == 3);
  f->remember(before, 5);
  CHECK(f->kept_as() == 3);
}

TEST_CASE("what was found out in one life is not remembered in the next") {
  const unowned f;
  f.keep(1);
  const std::uint64_t before = f->memory();
  f.close();
  f.keep(1);
  f->remember(before, 3);
  CHECK(f->kept_as() == 1);
}

TEST_CASE("a close of a kept number and its waiters, again and again") {
  epoll_poller mine;
  for (int round = 0; round < 100; ++round) {
    const auto ends = make_unix_pair();
    descriptor& d = descriptor::of(ends[0]);
    wake_list woken;
    d.keep(1, short_reads::mean_nothing, woken);
    fake_waiter w;
    park(w, d, direction::read, mine);
    std::thread closer([&] {
      wake_list list;
      d.close(list);
      list.unpark_all();
      ::close(ends[0]);
    });
    d.confirm(woken);
    woken.unpark_all();
    closer.join();
    CHECK(w.unparked == 1);
    CHECK_FALSE(d.is_kept());
    ::close(ends[1]);
  }
}

TEST_CASE("epoll knows whether a number still names the file that it listens for") {
  epoll_poller mine;
  const auto ends = make_unix_pair();
  descriptor& d = descriptor::of(ends[0]);
  wake_list woken;
  d.keep(1, short_reads::mean_nothing, woken);
  fake_waiter w;
  park(w, d, direction::read, mine);
  serve_now(mine);
  CHECK(mine.still_hears(d));
  CHECK(w.waiting());

  // Behind our back. A duplicate keeps the old file, and with it the registration, alive.
  const int twin = ::dup(ends[0]);
  ::syscall(SYS_close, ends[0]);
  CHECK_FALSE(mine.still_hears(d));
  const auto others = make_unix_pair();
  REQUIRE(others[0] == ends[0]);
  CHECK_FALSE(mine.still_hears(d));
  d.confirm(woken);
  woken.unpark_all();
  CHECK(w.result() == outcome::woken);

  fake_waiter again;
  park(again, d, direction::read, mine);
  send_text(others[1], "x");
  serve_until(mine, [&] { return again.unparked == 1; });
  CHECK(mine.still_hears(d));
  fake_waiter ready;
  park(ready, d, direction::read, mine);
  CHECK(mine.still_hears(d));  // reports what is ready once more
  serve_now(mine);
  CHECK(ready.unparked == 1);

  d.close(woken);
  for (const int fd : {others[0], others[1], ends[1], twin}) ::close(fd);
}
