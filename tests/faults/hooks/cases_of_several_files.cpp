// SPDX-License-Identifier: BSL-1.0
// Calls that wait for one of several files.
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <unistd.h>

#include <span>
#include <vector>

#include "faults/hooks/trial.hpp"
#include "hooks/files.hpp"

extern "C" {
int __poll_chk(pollfd*, nfds_t, int, size_t);
int __ppoll_chk(pollfd*, nfds_t, const timespec*, const sigset_t*, size_t);
}

namespace weft::faults::hooked {
namespace {

using test::ends;
using test::fd;
using test::make_pipe;

// That many, of which the last is written to.
struct several {
  explicit several(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) files.push_back(make_pipe());
  }
  [[nodiscard]] int last() const { return files.back().in; }
  void write() const { REQUIRE(::write(files.back().out, "x", 1) == 1); }
  std::vector<ends> files;
};

void poll_some(trial& t, std::size_t count, int (*poll)(pollfd* files, nfds_t count)) {
  const several files(count);
  std::vector<pollfd> asked;
  for (const ends& one : files.files) asked.push_back({one.in, POLLIN, 0});
  t.make({.call = [&] { return poll(asked.data(), asked.size()); },
          .is_right = [&](long found) { return found == 1 && asked.back().revents == POLLIN; },
          .meanwhile = [&] { files.write(); }});
}

int by_poll(pollfd* files, nfds_t count) { return ::poll(files, count, -1); }
int by_poll_chk(pollfd* files, nfds_t count) { return __poll_chk(files, count, -1, count * sizeof(pollfd)); }
int by_ppoll(pollfd* files, nfds_t count) { return ::ppoll(files, count, nullptr, nullptr); }
int by_ppoll_chk(pollfd* files, nfds_t count) {
  return __ppoll_chk(files, count, nullptr, nullptr, count * sizeof(pollfd));
}

void select_some(trial& t, std::size_t count, int (*select)(int count, fd_set* in)) {
  const several files(count);
  fd_set in;
  t.make({.call =
              [&] {
                FD_ZERO(&in);
                for (const ends& one : files.files) FD_SET(int(one.in), &in);
                return select(files.last() + 1, &in);
              },
          .is_right = [&](long found) { return found == 1 && FD_ISSET(files.last(), &in); },
          .meanwhile = [&] { files.write(); }});
}

int by_select(int count, fd_set* in) { return ::select(count, in, nullptr, nullptr, nullptr); }
int by_pselect(int count, fd_set* in) { return ::pselect(count, in, nullptr, nullptr, nullptr, nullptr); }

// A number beyond FD_SETSIZE, in a set of the caller's own size.
void select_a_high_number(trial& t) {
  constexpr int high = FD_SETSIZE + 700, word_bits = 8 * sizeof(long);
  const several files(1);
  const fd copy(::fcntl(files.last(), F_DUPFD_CLOEXEC, high));
  if (copy < 0) return;  // RLIMIT_NOFILE
  std::vector<long> set(std::size_t(copy) / word_bits + 1);
  const std::size_t at = std::size_t(copy) / word_bits;
  const long bit = 1L << (copy % word_bits);
  t.make({.call =
              [&] {
                set[at] = bit;
                return ::select(copy + 1, reinterpret_cast<fd_set*>(set.data()), nullptr, nullptr, nullptr);
              },
          .is_right = [&](long found) { return found == 1 && set[at] == bit; },
          .meanwhile = [&] { files.write(); }});
}

void wait_by_epoll(trial& t, int (*wait)(int poller, epoll_event* into)) {
  const several files(1);
  const fd poller(::epoll_create1(EPOLL_CLOEXEC));
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = 42;
  REQUIRE(::epoll_ctl(poller, EPOLL_CTL_ADD, files.last(), &event) == 0);
  t.make({.call =
              [&] {
                event = {};
                return wait(poller, &event);
              },
          .is_right = [&](long found) { return found == 1 && event.data.u64 == 42; },
          .meanwhile = [&] { files.write(); }});
}

int by_epoll_wait(int poller, epoll_event* into) { return ::epoll_wait(poller, into, 1, -1); }
int by_epoll_pwait(int poller, epoll_event* into) { return ::epoll_pwait(poller, into, 1, -1, nullptr); }
int by_epoll_pwait2(int poller, epoll_event* into) { return ::epoll_pwait2(poller, into, 1, nullptr, nullptr); }

const hooked_case all_of_several_files[] = {
    {"poll", "one file", [](trial& t) { poll_some(t, 1, by_poll); }},
    {"poll", "many files", [](trial& t) { poll_some(t, 6, by_poll); }},
    {"__poll_chk", "", [](trial& t) { poll_some(t, 1, by_poll_chk); }},
    {"ppoll", "", [](trial& t) { poll_some(t, 2, by_ppoll); }},
    {"__ppoll_chk", "", [](trial& t) { poll_some(t, 1, by_ppoll_chk); }},
    {"select", "one file", [](trial& t) { select_some(t, 1, by_select); }},
    {"select", "many files", [](trial& t) { select_some(t, 6, by_select); }},
    {"select", "a high number", select_a_high_number},
    {"pselect", "", [](trial& t) { select_some(t, 2, by_pselect); }},
    {"epoll_wait", "", [](trial& t) { wait_by_epoll(t, by_epoll_wait); }},
    {"epoll_pwait", "", [](trial& t) { wait_by_epoll(t, by_epoll_pwait); }},
    {"epoll_pwait2", "", [](trial& t) { wait_by_epoll(t, by_epoll_pwait2); }},
};

}  // namespace

const std::span<const hooked_case> cases_of_several_files = all_of_several_files;

}  // namespace weft::faults::hooked
