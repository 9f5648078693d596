// SPDX-License-Identifier: BSL-1.0
// A number that is closed while a call goes on, and names another file before the call does: it has no part in that file.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <functional>
#include <system_error>
#include <weft/net/wait.hpp>
#include <weft/weft.hpp>

#include "fiber/fibers.hpp"
#include "fiber/opaque_call.hpp"
#include "hooks/files.hpp"
#include "support/temporary.hpp"

using namespace weft::test;

namespace {

void take_over(int number, int by) {
  ::close(number);
  REQUIRE(::fcntl(by, F_DUPFD_CLOEXEC, number) == number);
}

void until_parked_are(std::uint64_t count) {
  while (weft::stats().parked < count) weft::this_fiber::yield();
}

bool has_input(int file) {
  pollfd one{file, POLLIN, 0};
  return ::poll(&one, 1, 0) == 1;
}

// Two fibers wait for input by one number, and are woken by the same event. The first to run gives the number to another
// file, which has input, too.
void the_second_is_late(ends mine, ends others, const std::function<void(int)>& waits_in_vain) {
  weft::run(
      [&] {
        REQUIRE(::write(others.out, "y", 1) == 1);
        const int number = mine.in;
        auto first = weft::spawn([&] {
          CHECK(weft::net::wait_readable(number));
          take_over(number, others.in);
        });
        until_parked_are(1);
        auto second = weft::spawn([&] { waits_in_vain(number); });
        until_parked_are(2);
        REQUIRE(::write(mine.out, "x", 1) == 1);
        first.join();
        second.join();
        CHECK(has_input(others.in));
      },
      {.workers = 1});
}

template <class Call> void says_that_it_is_closed(Call&& call) {
  CHECK(call() == -1);
  CHECK(errno == EBADF);
}

struct local_address : sockaddr_un {
  explicit local_address(const char* what) : sockaddr_un{} {
    sun_family = AF_UNIX;
    const int length = std::snprintf(sun_path + 1, sizeof sun_path - 1, "weft-reuse-%s-%d", what, getpid());
    size = socklen_t(offsetof(sockaddr_un, sun_path) + 1 + std::size_t(length));
  }
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(this); }
  socklen_t size;
};

fd new_unix(int type) { return fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0)); }

// A call on `mine` asks again and again. Its number goes to `others`, then it could succeed.
void asks_in_vain(fd mine, int others, const std::function<int(int)>& call, const std::function<void()>& make_room) {
  auto asks = weft::spawn([&, number = int(mine)] { says_that_it_is_closed([&] { return call(number); }); });
  until_parked_are(1);
  take_over(mine, others);
  make_room();
  asks.join();
}

}  // namespace

TEST_CASE("a read that goes on when its number is another file's reads nothing of that") {
  for (const maker make : {&a_pipe, &a_stream, &make_tcp, &datagrams}) {
    the_second_is_late(make(), make(), [](int number) {
      char byte = '?';
      says_that_it_is_closed([&] { return ::read(number, &byte, 1); });
      CHECK(byte == '?');
    });
  }
  the_second_is_late(make_terminal(true), make_terminal(true), [](int number) {
    char byte = '?';
    says_that_it_is_closed([&] { return ::read(number, &byte, 1); });
    CHECK(byte == '?');
  });
}

TEST_CASE("who waits for several files does not take another one for one of them") {
  the_second_is_late(make_pipe(), make_pipe(), [](int number) {
    const ends silent = make_pipe();
    pollfd all[] = {{-1, 0, 0}, {silent.in, POLLIN, 0}, {number, POLLIN, 0}};
    CHECK(::poll(all, 3, -1) == 1);
    CHECK(all[1].revents == 0);
    CHECK(all[2].revents == POLLNVAL);
  });
  the_second_is_late(make_pair(SOCK_STREAM), make_pipe(), [](int number) {
    fd_set in;
    FD_ZERO(&in);
    FD_SET(number, &in);
    says_that_it_is_closed([&] { return ::select(number + 1, &in, nullptr, nullptr, nullptr); });
  });
  the_second_is_late(make_pipe(), make_pipe(), [](int number) {
    std::error_code ec;
    CHECK_FALSE(weft::net::wait_readable(number, ec));
    CHECK(ec == std::errc::operation_canceled);
  });
}

TEST_CASE("an epoll_wait that goes on when its number is another instance's takes no events of that") {
  const auto listening_to = [](int file) {
    fd made(::epoll_create1(EPOLL_CLOEXEC));
    epoll_event wanted{};
    wanted.events = EPOLLIN;
    REQUIRE(::epoll_ctl(made, EPOLL_CTL_ADD, file, &wanted) == 0);
    return made;
  };
  ends mine = make_pipe(), others = make_pipe();
  ends instances{listening_to(mine.in), fd(::dup(mine.out))};
  ends of_others{listening_to(others.in), fd(::dup(others.out))};
  the_second_is_late(std::move(instances), std::move(of_others), [](int number) {
    epoll_event found{};
    says_that_it_is_closed([&] { return ::epoll_wait(number, &found, 1, -1); });
  });
}

TEST_CASE("a message that waits for its receiver is not sent by another socket") {
  weft::run(
      [] {
        const local_address where("receiver");
        const fd receiver = new_unix(SOCK_DGRAM), filler = new_unix(SOCK_DGRAM), others = new_unix(SOCK_DGRAM);
        REQUIRE(::bind(receiver, where.get(), where.size) == 0);
        while (::sendto(filler, "f", 1, MSG_DONTWAIT, where.get(), where.size) == 1) {
        }
        char byte = 0;
        asks_in_vain(
            new_unix(SOCK_DGRAM), others,
            [&](int number) { return int(::sendto(number, "x", 1, 0, where.get(), where.size)); },
            [&] {
              while (::recv(receiver, &byte, 1, MSG_DONTWAIT) == 1) CHECK(byte == 'f');
            });
        CHECK_FALSE(has_input(receiver));
      },
      {.workers = 1});
}

TEST_CASE("a connect that waits for room connects no other socket") {
  weft::run(
      [] {
        const local_address where("listener");
        const fd listener = new_unix(SOCK_STREAM), others = new_unix(SOCK_STREAM);
        REQUIRE(::bind(listener, where.get(), where.size) == 0);
        REQUIRE(::listen(listener, 0) == 0);
        const fd first = new_unix(SOCK_STREAM), full = new_unix(SOCK_STREAM | SOCK_NONBLOCK);
        REQUIRE(::connect(first, where.get(), where.size) == 0);
        REQUIRE(::connect(full, where.get(), where.size) == -1);
        asks_in_vain(
            new_unix(SOCK_STREAM), others, [&](int number) { return ::connect(number, where.get(), where.size); },
            [&] { CHECK(fd(::accept(listener, nullptr, nullptr)) >= 0); });
        sockaddr_un peer;
        socklen_t size = sizeof peer;
        CHECK(::getpeername(others, reinterpret_cast<sockaddr*>(&peer), &size) == -1);
      },
      {.workers = 1});
}

TEST_CASE("who waits for a lock does not lock another file") {
  weft::run(
      [] {
        const temporary_file file, another;
        const auto open = [](const temporary_file& what) { return fd(::open(what.name(), O_RDWR | O_CLOEXEC)); };
        const auto by_flock = [](int number) { return ::flock(number, LOCK_EX); };
        const auto by_fcntl = [](int number) {
          struct flock whole {};
          whole.l_type = F_WRLCK;
          whole.l_whence = SEEK_SET;
          return ::fcntl(number, F_OFD_SETLKW, &whole);
        };
        for (const std::function<int(int)>& call : {std::function<int(int)>(by_flock), {by_fcntl}}) {
          fd holder = open(file);
          const fd others = open(another), witness = open(another);
          REQUIRE(call(holder) == 0);
          asks_in_vain(open(file), others, call, [&] { holder.close(); });
          CHECK(::flock(witness, LOCK_EX | LOCK_NB) == 0);
          struct flock whole {};
          whole.l_type = F_WRLCK;
          CHECK(::fcntl(witness, F_OFD_SETLK, &whole) == 0);
        }
      },
      {.workers = 1});
}

TEST_CASE("a terminal that is closed behind our back is found out, and leaves errno alone") {
  weft::run(
      [] {
        ends read = make_terminal(true), polled = make_terminal(true);
        auto reader = weft::spawn([&] {
          char byte = 'x';
          CHECK(::read(read.in, &byte, 1) == -1);
          CHECK(errno == EBADF);
        });
        auto poller = weft::spawn([&] {
          pollfd one{polled.in, POLLIN, 0};
          CHECK(::poll(&one, 1, -1) == -1);
          CHECK(errno == ECANCELED);
        });
        while (weft::stats().parked < 2) weft::this_fiber::yield();
        for (fd* behind_our_back : {&read.in, &polled.in}) ::syscall(SYS_close, behind_our_back->release());
        poller.cancel();
        poller.join();
        reader.join();
      },
      {.workers = 1});
}

TEST_CASE("a number that is closed between a look and the wait is a reason to look again") {
  weft::run([] {
    ends files = make_pipe();
    auto& state = weft::detail::descriptor::of(files.in);
    weft::detail::wake_list nobody;
    state.keep(1, weft::detail::short_reads::mean_nothing, nobody);
    weft::detail::opaque_call call(*weft::detail::current_fiber());
    weft::detail::watched file;
    file.file = &state;
    file.seen = state.about_to_try(file.which);
    ::syscall(SYS_close, files.in.release());
    weft::detail::watched* all = &file;
    CHECK(call.wait_for_any(all, weft::never) == 0);
    state.close(nobody);
  });
}
