// SPDX-License-Identifier: BSL-1.0
// pthread_cancel of a plain thread that waits in a hooked call: it is unwound through the hook, as through libc's function.
#include <doctest/doctest.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <csignal>

#include "hooks/files.hpp"

namespace {

using namespace weft::test;

struct waiting_files {
  ends pipe = make_pipe(), stream = make_pair(SOCK_STREAM);
};

using call = void (*)(waiting_files&);

// Whether a thread that is told to go while it makes the call is unwound and gone.
bool is_cancelled_in(call what) {
  struct {
    waiting_files files;
    call what;
    bool unwound = false;
  } shared{{}, what};
  using shared_type = decltype(shared);
  pthread_t thread{};
  const auto body = [](void* argument) -> void* {
    auto& with = *static_cast<shared_type*>(argument);
    const struct noting {
      bool& unwound;
      ~noting() { unwound = true; }
    } guard{with.unwound};
    with.what(with.files);
    return nullptr;
  };
  REQUIRE(pthread_create(&thread, nullptr, body, &shared) == 0);
  pthread_cancel(thread);  // before the call or in it: either way it is the call that it strikes in
  void* result = nullptr;
  pthread_join(thread, &result);
  return result == PTHREAD_CANCELED && shared.unwound;
}

}  // namespace

TEST_CASE("a plain thread that is cancelled in a hooked call is unwound") {
  static char byte;
  static constexpr timespec length{3600, 0};
  CHECK(is_cancelled_in([](waiting_files& f) { (void)!::read(f.pipe.in, &byte, 1); }));
  CHECK(is_cancelled_in([](waiting_files& f) {
    const iovec part{&byte, 1};
    (void)!::readv(f.pipe.in, &part, 1);
  }));
  CHECK(is_cancelled_in([](waiting_files& f) {
    while (::write(f.pipe.out, "x", 1) == 1) {
    }
  }));
  CHECK(is_cancelled_in([](waiting_files& f) { (void)!::recv(f.stream.in, &byte, 1, 0); }));
  CHECK(is_cancelled_in([](waiting_files& f) {
    iovec part{&byte, 1};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    (void)!::recvmsg(f.stream.in, &message, 0);
  }));
  CHECK(is_cancelled_in([](waiting_files& f) {
    while (::send(f.stream.out, "x", 1, 0) == 1) {
    }
  }));
  CHECK(is_cancelled_in([](waiting_files& f) {
    pollfd one{f.pipe.in, POLLIN, 0};
    ::poll(&one, 1, -1);
  }));
  CHECK(is_cancelled_in([](waiting_files& f) {
    fd_set reading;
    FD_ZERO(&reading);
    FD_SET(f.pipe.in, &reading);
    ::select(f.pipe.in + 1, &reading, nullptr, nullptr, nullptr);
  }));
  CHECK(is_cancelled_in([](waiting_files&) {
    const fd none(::epoll_create1(EPOLL_CLOEXEC));
    epoll_event event{};
    ::epoll_wait(none, &event, 1, -1);
  }));
  CHECK(is_cancelled_in([](waiting_files&) { ::sleep(3600); }));
  CHECK(is_cancelled_in([](waiting_files&) { ::nanosleep(&length, nullptr); }));
  CHECK(is_cancelled_in([](waiting_files&) { ::clock_nanosleep(CLOCK_MONOTONIC, 0, &length, nullptr); }));
  CHECK(is_cancelled_in([](waiting_files&) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::alarm(60);
      for (;;) ::pause();
    }
    const struct ending {
      pid_t who;
      ~ending() {
        ::kill(who, SIGKILL);
        ::waitpid(who, nullptr, 0);
      }
    } guard{child};
    ::waitpid(child, nullptr, 0);
  }));
}
