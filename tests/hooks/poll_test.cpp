// SPDX-License-Identifier: BSL-1.0
// poll(2) and ppoll(2): what they report, for what they wait, and when they give up.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "hooks/files.hpp"
#include "hooks/stage.hpp"
#include "support/alone.hpp"
#include "support/scale.hpp"
#include "support/session.hpp"

extern "C" {
int __poll_chk(pollfd*, nfds_t, int, size_t);
int __ppoll_chk(pollfd*, nfds_t, const timespec*, const sigset_t*, size_t);
}

using namespace weft::test;

namespace {

// What came of it, by place in the list.
void note_returned(transcript& says, const std::vector<pollfd>& files) {
  std::string text = "events:";
  for (const pollfd& file : files) text += ' ' + std::to_string(file.revents);
  says.note(std::move(text));
}

}  // namespace

WEFT_SCENARIO("a poll waits for input, for room, or for its time") {
  for (const maker make : {&a_pipe, &a_stream, &make_tcp, &datagrams}) {
    ends files = make();
    auto& poller = s.start([&](transcript& says) {
      std::vector<pollfd> all{{files.in, POLLIN, 0}};
      WEFT_CALL(says, poll, all.data(), 1, 0);
      WEFT_CALL(says, poll, all.data(), 1, 2);
      note_returned(says, all);
      WEFT_CALL(says, poll, all.data(), 1, -1);
      note_returned(says, all);
      WEFT_CALL(says, poll, all.data(), 1, 60'000);
      note_returned(says, all);
    });
    poller.until_it_waits(3);
    WEFT_CALL(s.says(), write, files.out, "x", 1);
    poller.join();
    std::vector<pollfd> room{{files.out, POLLOUT | POLLIN, 0}};
    WEFT_CALL(s.says(), poll, room.data(), 1, -1);
    note_returned(s.says(), room);
  }
}

WEFT_SCENARIO("a poll for room waits until somebody reads") {
  for (const maker make : {&a_pipe, &a_stream}) {
    ends files = make();
    fill(files.out);
    auto& poller = s.start([&](transcript& says) {
      std::vector<pollfd> all{{files.out, POLLOUT, 0}};
      WEFT_CALL(says, poll, all.data(), 1, -1);
      note_returned(says, all);
    });
    poller.until_it_waits();
    std::vector<char> buffer(10'000);
    set_nonblocking(files.in, true);
    while (::read(files.in, buffer.data(), buffer.size()) > 0) {
    }
    poller.join();
  }
}

WEFT_SCENARIO("a poll of several says which, and one that is closed at once") {
  ends first = make_pipe(), second = make_pair(SOCK_STREAM), closed = make_pipe();
  const int number = closed.in;
  auto& poller = s.start([&](transcript& says) {
    std::vector<pollfd> all{{first.in, POLLIN, 0}, {-1, POLLIN, 0},         {second.in, POLLIN, 0},
                            {first.in, 0, 0},      {second.in, POLLPRI, 0}, {-7, 0, 0}};
    WEFT_CALL(says, poll, all.data(), all.size(), -1);
    note_returned(says, all);
    char byte = 0;
    WEFT_CALL(says, read, second.in, &byte, 1);
    WEFT_CALL(says, poll, all.data(), all.size(), -1);
    note_returned(says, all);
    all.push_back({number, POLLIN, 0});
    WEFT_CALL(says, poll, all.data(), all.size(), -1);
    note_returned(says, all);
  });
  poller.until_it_waits(1);
  WEFT_CALL(s.says(), write, second.out, "x", 1);
  poller.until_it_waits(3);
  closed.in.close();
  first.out.close();
  poller.join();
}

WEFT_SCENARIO("a poll without files waits for its time, also a long list of none") {
  const std::vector<pollfd> nothing(100, pollfd{-1, POLLIN, 0});
  std::vector<pollfd> none = nothing;
  WEFT_CALL(s.says(), poll, nullptr, 0, 2);
  WEFT_CALL(s.says(), poll, none.data(), none.size(), 2);
  WEFT_CALL(s.says(), ppoll, nullptr, 0, &short_while, nullptr);
  const timespec zero{}, wrong{0, -1}, negative{-1, 0};
  WEFT_CALL(s.says(), ppoll, none.data(), none.size(), &zero, nullptr);
  WEFT_CALL(s.says(), ppoll, none.data(), none.size(), &wrong, nullptr);
  WEFT_CALL(s.says(), ppoll, none.data(), none.size(), &negative, nullptr);
  if (active_sanitizer != sanitizer::none) return;  // they look at the whole list first
  const volatile nfds_t too_many = 1u << 30;
  WEFT_CALL(s.says(), poll, none.data(), too_many, -1);
  WEFT_CALL(s.says(), ppoll, none.data(), too_many, nullptr, nullptr);
}

WEFT_SCENARIO("files that are always ready are, and what they never are is waited for") {
  const fd null(::open("/dev/null", O_RDWR | O_CLOEXEC)), directory(::open("/", O_RDONLY | O_CLOEXEC));
  std::vector<pollfd> all{{null, POLLIN | POLLOUT, 0}, {directory, POLLIN, 0}};
  WEFT_CALL(s.says(), poll, all.data(), all.size(), -1);
  note_returned(s.says(), all);
  all = {{null, POLLPRI, 0}, {directory, POLLPRI, 0}};
  WEFT_CALL(s.says(), poll, all.data(), all.size(), 2);
  note_returned(s.says(), all);
}

WEFT_SCENARIO("a queue of messages is a regular file, and yet one that is waited for") {
  const std::string name = "/weft-hooks-" + std::to_string(getpid());
  mq_attr of_one{};
  of_one.mq_maxmsg = of_one.mq_msgsize = 1;
  const fd queue(::mq_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600, &of_one));
  if (queue < 0) return skip("no queues of messages here");
  REQUIRE(::mq_unlink(name.c_str()) == 0);
  const ends files = make_pipe();
  auto& poller = s.start([&](transcript& says) {
    std::vector<pollfd> all{{queue, POLLIN, 0}, {files.in, POLLIN, 0}};
    WEFT_CALL(says, poll, all.data(), all.size(), 2);
    note_returned(says, all);
    WEFT_CALL(says, poll, all.data(), all.size(), -1);
    note_returned(says, all);
    WEFT_CALL(says, poll, all.data(), 1, -1);
    note_returned(says, all);
  });
  poller.until_it_waits(2);
  WEFT_CALL(s.says(), write, files.out, "x", 1);
  poller.until_it_waits(3);
  REQUIRE(::mq_send(queue, "x", 1, 0) == 0);
  poller.join();
}

TEST_CASE("what is ready in time is found, however late the fiber runs") {
  using clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds length{50};
  const ends files = make_pair(SOCK_STREAM);
  const fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  epoll_event wanted{};
  wanted.events = EPOLLIN;
  REQUIRE(::epoll_ctl(epoll, EPOLL_CTL_ADD, files.in, &wanted) == 0);
  constexpr timeval as_timeval{0, 50'000};
  REQUIRE(::setsockopt(files.in, SOL_SOCKET, SO_RCVTIMEO, &as_timeval, sizeof as_timeval) == 0);
  char byte = 0;
  const std::function<int()> all[] = {
      [&] {
        pollfd one{files.in, POLLIN, 0};
        return ::poll(&one, 1, int(length.count()));
      },
      [&] {
        fd_set in;
        FD_ZERO(&in);
        FD_SET(files.in, &in);
        timeval time = as_timeval;
        return ::select(files.in + 1, &in, nullptr, nullptr, &time);
      },
      [&] { return ::epoll_wait(epoll, &wanted, 1, int(length.count())); },
      [&] { return int(::recv(files.in, &byte, 1, 0)); },
  };
  weft::run(
      [&] {
        for (const auto& call : all) {
          for (bool was_in_time = false; !was_in_time;) {
            clock::time_point begun;
            auto waits = weft::spawn([&] {
              begun = clock::now();
              return call();
            });
            while (weft::stats().parked == 0 && !waits.done()) weft::this_fiber::yield();
            REQUIRE(::write(files.out, "x", 1) == 1);
            was_in_time = clock::now() < begun + length;
            while (clock::now() < begun + 2 * length) {  // the worker is busy until the time has passed
            }
            const int found = waits.join();
            if (was_in_time) CHECK(found == 1);
            while (::recv(files.in, &byte, 1, MSG_DONTWAIT) == 1) {
            }
          }
        }
      },
      {.workers = 1, .hog_threshold = {}});
}

WEFT_SCENARIO("a ppoll waits like poll, whatever the mask") {
  ends files = make_pair(SOCK_STREAM);
  sigset_t mask;
  sigfillset(&mask);
  auto& poller = s.start([&](transcript& says) {
    std::vector<pollfd> all{{files.in, POLLIN | POLLRDHUP, 0}};
    WEFT_CALL(says, ppoll, all.data(), 1, &short_while, &mask);
    WEFT_CALL(says, ppoll, all.data(), 1, nullptr, &mask);
    note_returned(says, all);
  });
  poller.until_it_waits(2);
  REQUIRE(::shutdown(files.out, SHUT_WR) == 0);
  poller.join();
}

WEFT_SCENARIO("the checked polls of _FORTIFY_SOURCE wait too") {
  ends files = make_pipe();
  auto& poller = s.start([&](transcript& says) {
    std::vector<pollfd> all{{files.in, POLLIN, 0}, {-1, 0, 0}};
    const std::size_t room = sizeof(pollfd) * all.size();
    WEFT_CALL(says, __poll_chk, all.data(), 2, 1, room);
    WEFT_CALL(says, __ppoll_chk, all.data(), 2, &short_while, nullptr, room);
    WEFT_CALL(says, __poll_chk, all.data(), 2, -1, room);
    note_returned(says, all);
    WEFT_CALL(says, __ppoll_chk, all.data(), 2, nullptr, nullptr, room);
    note_returned(says, all);
  });
  poller.until_it_waits(3);
  WEFT_CALL(s.says(), write, files.out, "x", 1);
  poller.join();
}

WEFT_SCENARIO("many poll one file, and all hear of it") {
  ends files = make_pipe();
  for (int i = 0; i < 5; ++i) {
    s.start([&](transcript& says) {
      std::vector<pollfd> all{{files.in, POLLIN, 0}};
      WEFT_CALL(says, poll, all.data(), 1, -1);
      note_returned(says, all);
    });
  }
  auto& last = s.start([&](transcript& says) {
    std::vector<pollfd> all{{files.in, POLLIN, 0}};
    WEFT_CALL(says, poll, all.data(), 1, -1);
  });
  last.until_it_waits();
  files.out.close();
  s.join_all();
}

WEFT_SCENARIO("a poll of thousands of entries") {
  const std::size_t kinds = 20, count = scaled(5'000, 500);
  std::vector<ends> files;
  for (std::size_t i = 0; i < kinds; ++i) files.push_back(i % 2 == 0 ? make_pipe() : make_pair(SOCK_STREAM));
  auto& poller = s.start([&](transcript& says) {
    std::vector<pollfd> all;
    for (std::size_t i = 0; i < count; ++i) all.push_back({files[i % kinds].in, POLLIN, 0});
    for (int round = 0; round < 2; ++round) {
      WEFT_CALL(says, poll, all.data(), nfds_t(count), -1);
      std::size_t found = 0;
      for (const pollfd& file : all) found += file.revents != 0;
      says.note(found == count / kinds ? "one of all kinds" : std::to_string(found));
      char byte = 0;
      CHECK(::read(files[kinds - 1].in, &byte, 1) == 1);
    }
  });
  for (unsigned round = 1; round <= 2; ++round) {
    poller.until_it_waits(round);
    WEFT_CALL(s.says(), write, files[kinds - 1].out, "x", 1);
    if (round == 1) poller.until_it_waits(2);
  }
  poller.join();
}

// As many files as the process is allowed to have.
static void polls_many(stage& s) {
  rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = limit.rlim_max;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
  const std::size_t count = std::min<std::size_t>(scaled(5'000, 500), limit.rlim_cur - 200);
  std::vector<fd> files;
  for (std::size_t i = 0; i < count; ++i) {
    files.emplace_back(::eventfd(0, EFD_CLOEXEC));
    REQUIRE(files.back() >= 0);
  }
  auto& poller = s.start([&](transcript& says) {
    std::vector<pollfd> all;
    for (const fd& file : files) all.push_back({file, POLLIN, 0});
    for (unsigned round = 0; round < 3; ++round) {
      WEFT_CALL(says, poll, all.data(), nfds_t(count), -1);
      for (std::size_t i = 0; i < count; ++i) {
        if (all[i].revents == 0) continue;
        says.note(i == 0 ? "the first" : i == count / 2 ? "the middle" : i == count - 1 ? "the last" : "another");
        std::uint64_t value = 0;
        CHECK(::read(files[i], &value, sizeof value) == sizeof value);
      }
    }
  });
  const std::uint64_t one = 1;
  unsigned round = 0;
  for (const std::size_t which : {std::size_t(0), count / 2, count - 1}) {
    poller.until_it_waits(++round);
    WEFT_CALL(s.says(), write, files[which], &one, sizeof one);
  }
  poller.join();
}

// In a process of its own: the kernel's table of numbers, beyond which select(2) does not look, never shrinks again.
TEST_CASE("alone: five thousand files are polled" * doctest::skip()) { compare(&polls_many); }
TEST_CASE("a poll of five thousand files") { CHECK(run_alone("alone: five thousand files are polled").status == 0); }

WEFT_SCENARIO_OF_RACES("a close wakes who polls") {
  ends files = make_pipe();
  auto& poller = s.start([&](transcript& says) {
    std::vector<pollfd> all{{files.in, POLLIN, 0}};
    WEFT_CALL(says, poll, all.data(), 1, -1);
    note_returned(says, all);  // a thread is woken only by the byte, and finds the same then
  });
  poller.until_it_waits();
  files.in.close();
  if (!s.on_fibers()) REQUIRE(::write(files.out, "x", 1) == 1);
  poller.join();
}
