// SPDX-License-Identifier: BSL-1.0
#include "poll/epoll.hpp"

#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <termios.h>

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "poll/clock.hpp"
#include "poll/fixture.hpp"
#include "support/scale.hpp"
#include "support/temporary.hpp"

using namespace weft::test;

TEST_CASE("what is ready before anybody waits is heard, and so is what comes before the wait") {
  epoll_poller mine;
  const auto ends = make_pipe();
  owned r(ends[0]), w(ends[1]);
  fake_waiter one;
  const auto seen = r->about_to_try(direction::read);
  REQUIRE(::write(w.fd(), "x", 1) == 1);
  r->settle(mine, seen);  // finds it ready
  CHECK(one.begin(r.state(), direction::read, seen) == wait_duty::park);
  serve_until(mine, [&] { return one.unparked == 1; });

  drain(r.fd());
  const auto later = r->about_to_try(direction::read);
  REQUIRE(::write(w.fd(), "x", 1) == 1);
  serve_now(mine);  // nobody waits
  CHECK(one.begin(r.state(), direction::read, later) == wait_duty::retry);
}

TEST_CASE("both directions wait at once, and each is woken by its own") {
  epoll_poller mine;
  const auto ends = make_unix_pair();
  owned near(ends[0]), far(ends[1]);
  fake_waiter r, w;
  fill(near.fd());
  CHECK(wait_on(r, near, direction::read, mine) == wait_duty::park);
  CHECK(wait_on(w, near, direction::write, mine) == wait_duty::park);
  serve_now(mine);
  CHECK(r.waiting());
  CHECK(w.waiting());
  SUBCASE("the reader first") {
    send_text(far.fd(), "x");
    serve_until(mine, [&] { return r.unparked == 1; });
    CHECK(w.waiting());
    drain(far.fd());
    serve_until(mine, [&] { return w.unparked == 1; });
  }
  SUBCASE("the writer first") {
    drain(far.fd());
    serve_until(mine, [&] { return w.unparked == 1; });
    CHECK(r.waiting());
    send_text(far.fd(), "x");
    serve_until(mine, [&] { return r.unparked == 1; });
  }
  SUBCASE("both in one batch") {
    send_text(far.fd(), "x");
    drain(far.fd());
    serve_until(mine, [&] { return r.unparked == 1 && w.unparked == 1; });
  }
}

TEST_CASE("a hangup reaches both directions") {
  epoll_poller mine;
  const auto ends = make_unix_pair();
  owned near(ends[0]), far(ends[1]);
  fill(near.fd());
  fake_waiter r, w;
  CHECK(wait_on(r, near, direction::read, mine) == wait_duty::park);
  CHECK(wait_on(w, near, direction::write, mine) == wait_duty::park);
  far.close();
  serve_until(mine, [&] { return r.unparked == 1 && w.unparked == 1; });
  CHECK((near->sticky_events() & EPOLLHUP));
}

TEST_CASE("a reset reaches both directions") {
  epoll_poller mine;
  const auto ends = make_tcp_pair();
  owned near(ends[0]), far(ends[1]);
  fill(near.fd());
  fake_waiter r, w;
  CHECK(wait_on(r, near, direction::read, mine) == wait_duty::park);
  CHECK(wait_on(w, near, direction::write, mine) == wait_duty::park);
  const linger at_once{1, 0};
  ::setsockopt(far.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  far.close();
  serve_until(mine, [&] { return r.unparked == 1 && w.unparked == 1; });
  CHECK((near->sticky_events() & EPOLLERR));
}

TEST_CASE("the writer of a pipe hears that its reader has gone, the reader that its writer has gone") {
  epoll_poller mine;
  for (int leaves : {0, 1}) {
    const auto ends = make_pipe();
    owned r(ends[0]), w(ends[1]);
    if (leaves == 0) fill(w.fd());
    owned& stays = leaves == 0 ? w : r;
    fake_waiter one;
    CHECK(wait_on(one, stays, leaves == 0 ? direction::write : direction::read, mine) == wait_duty::park);
    (leaves == 0 ? r : w).close();
    serve_until(mine, [&] { return one.unparked == 1; });
  }
}

TEST_CASE("the reader of a fifo waits for its second writer in peace after the first has gone") {
  epoll_poller mine;
  const temporary_directory place;
  const std::string name = place.file("fifo");
  REQUIRE(::mkfifo(name.c_str(), 0600) == 0);
  owned r(::open(name.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  fake_waiter one;
  {
    owned w(::open(name.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    CHECK(wait_on(one, r, direction::read, mine) == wait_duty::park);
  }
  serve_until(mine, [&] { return one.unparked == 1; });
  char byte = 0;
  CHECK(::read(r.fd(), &byte, 1) == 0);
  owned w(::open(name.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  serve_now(mine);
  const auto seen = r->about_to_try(direction::read);
  CHECK(::read(r.fd(), &byte, 1) == -1);
  CHECK(errno == EAGAIN);
  CHECK(one.begin(r.state(), direction::read, seen) == wait_duty::park);
  REQUIRE(::write(w.fd(), "x", 1) == 1);
  serve_until(mine, [&] { return one.unparked == 2; });
}

TEST_CASE("an eventfd can be waited for") {
  epoll_poller mine;
  owned e(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  for (int i = 1; i < 4; ++i) {
    fake_waiter one;
    serve_now(mine);
    CHECK(wait_on(one, e, direction::read, mine) == wait_duty::park);
    serve_now(mine);
    CHECK(one.waiting());
    ::eventfd_write(e.fd(), 1);
    serve_until(mine, [&] { return one.unparked == 1; });
    eventfd_t count = 0;
    ::eventfd_read(e.fd(), &count);
    CHECK(count == 1);
  }
}

TEST_CASE("both sides of a terminal can be waited for, and the hangup is heard") {
  epoll_poller mine;
  owned master(::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  REQUIRE(::grantpt(master.fd()) == 0);
  REQUIRE(::unlockpt(master.fd()) == 0);
  char name[64];
  REQUIRE(::ptsname_r(master.fd(), name, sizeof name) == 0);
  owned slave(::open(name, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  termios raw{};
  REQUIRE(::tcgetattr(slave.fd(), &raw) == 0);
  ::cfmakeraw(&raw);
  REQUIRE(::tcsetattr(slave.fd(), TCSANOW, &raw) == 0);

  fake_waiter typed, printed, hung_up;
  CHECK(wait_on(typed, slave, direction::read, mine) == wait_duty::park);
  CHECK(wait_on(printed, master, direction::read, mine) == wait_duty::park);
  serve_now(mine);
  REQUIRE(::write(master.fd(), "ls", 2) == 2);
  serve_until(mine, [&] { return typed.unparked == 1; });
  CHECK(drain(slave.fd()) == 2);
  CHECK(printed.waiting());
  REQUIRE(::write(slave.fd(), "out", 3) == 3);
  serve_until(mine, [&] { return printed.unparked == 1; });
  CHECK(drain(master.fd()) == 3);
  serve_now(mine);
  CHECK(wait_on(hung_up, slave, direction::read, mine) == wait_duty::park);
  master.close();
  serve_until(mine, [&] { return hung_up.unparked == 1; });
}

TEST_CASE("what epoll refuses is refused by name") {
  epoll_poller mine;
  const temporary_directory place;
  const temporary_file made;
  owned file(::open(made.name(), O_RDWR | O_CLOEXEC));
  owned directory(::open(place.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (owned* f : {&file, &directory}) {
    try {
      f->state().settle(mine, f->state().about_to_try(direction::read));
      FAIL("accepted");
    } catch (const std::system_error& e) {
      CHECK(e.code() == std::error_code(EPERM, std::system_category()));
      const std::string what = e.what();
      CHECK(what.find("file descriptor " + std::to_string(f->fd())) != std::string::npos);
      CHECK(what.find("regular file") != std::string::npos);
    }
  }
  descriptor& closed = descriptor::of(4000);
  try {
    closed.settle(mine, closed.about_to_try(direction::read));
    FAIL("accepted");
  } catch (const std::system_error& e) {
    CHECK(e.code() == std::errc::bad_file_descriptor);
    CHECK(std::string(e.what()).find("4000") != std::string::npos);
  }
}

TEST_CASE("a duplicate that comes back under its old number takes the old registration over") {
  epoll_poller mine;
  const auto ends = make_pipe();
  owned r(ends[0]), w(ends[1]);
  fake_waiter one;
  r->settle(mine, r->about_to_try(direction::read));
  const int twin = ::fcntl(r.fd(), F_DUPFD_CLOEXEC, 0);
  wake_list woken;
  // Closed behind our back. The file lives on in its twin, and with it the registration, which nobody can reach now.
  REQUIRE(::dup2(w.fd(), r.fd()) == r.fd());
  r->open(short_reads::mean_nothing, woken);
  REQUIRE(::dup2(twin, r.fd()) == r.fd());
  CHECK(wait_on(one, r, direction::read, mine) == wait_duty::park);
  REQUIRE(::write(w.fd(), "x", 1) == 1);
  serve_until(mine, [&] { return one.unparked == 1; });
  ::close(twin);
}

TEST_CASE("more events than fit in a batch are all delivered, in order of arrival") {
  epoll_poller mine;
  constexpr std::size_t count = 600;
  std::vector<std::unique_ptr<owned>> events;
  std::deque<fake_waiter> waiters(count);
  for (std::size_t i = 0; i < count; ++i) {
    events.push_back(std::make_unique<owned>(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)));
    CHECK(wait_on(waiters[i], *events[i], direction::read, mine) == wait_duty::park);
  }
  for (int i = 0; i < 10; ++i) serve_now(mine);
  for (std::size_t i = count; i--;) ::eventfd_write(events[i]->fd(), 1);
  std::size_t next = count;
  while (next) {
    wake_list woken;
    mine.wait(no_end, woken);
    while (auto* who = woken.pop()) REQUIRE(who == &waiters[--next]);
  }
}

TEST_CASE("a wait that heard nothing was as long as asked, in nanoseconds and in milliseconds") {
  auto& clock = weft::detail::system_clock_source::instance();
  for (auto how : {epoll_poller::timeouts::automatic, epoll_poller::timeouts::milliseconds}) {
    epoll_poller mine(how);
    wake_list woken;
    for (std::int64_t timeout = 1; timeout < 40'000'000; timeout = timeout * 5 + 3) {
      const auto start = clock.now();
      mine.wait(timeout, woken);
      CHECK(clock.now() - start >= timeout);
    }
    mine.wait(-5, woken);  // only looks
    CHECK(woken.empty());
  }
}

TEST_CASE("a wake before the wait is not lost, nor are those from other threads, a hundred thousand times") {
  epoll_poller mine;
  wake_list woken;
  mine.wake();
  mine.wake();
  mine.wait(no_end, woken);
  const std::size_t rounds = scaled(100'000);
  std::atomic<std::size_t> asked{0}, answered{0};
  std::thread waker([&] {
    for (std::size_t i = 1; i <= rounds; ++i) {
      asked.store(i, std::memory_order_release);
      mine.wake();
      if (i % 3 == 0) mine.wake();
      while (answered.load(std::memory_order_acquire) < i) std::this_thread::yield();
    }
  });
  // Looks only after a wait returned: a lost wake would let it sleep on.
  for (std::size_t seen = 0; seen < rounds;) {
    mine.wait(no_end, woken);
    seen = asked.load(std::memory_order_acquire);
    answered.store(seen, std::memory_order_release);
  }
  waker.join();
}

TEST_CASE("a signal ends the wait, and its handler may wake a poller") {
  static epoll_poller* target = nullptr;
  epoll_poller mine;
  target = &mine;
  struct sigaction on_signal {
  }, before{};
  wake_list woken;
  SUBCASE("interrupted") {
    on_signal.sa_handler = [](int) {};
    REQUIRE(::sigaction(SIGUSR1, &on_signal, &before) == 0);
    std::atomic<bool> returned{false};
    std::thread sender([&, waiting = ::pthread_self()] {
      while (!returned.load(std::memory_order_relaxed)) {
        ::pthread_kill(waiting, SIGUSR1);
        std::this_thread::yield();
      }
    });
    mine.wait(no_end, woken);
    returned.store(true, std::memory_order_relaxed);
    sender.join();
  }
  SUBCASE("woken by the handler, which leaves errno alone") {
    on_signal.sa_handler = [](int) { target->wake(); };
    REQUIRE(::sigaction(SIGUSR1, &on_signal, &before) == 0);
    errno = 4711;
    ::raise(SIGUSR1);
    CHECK(errno == 4711);
    mine.wait(no_end, woken);
  }
  CHECK(woken.empty());
  ::sigaction(SIGUSR1, &before, nullptr);
}
