// SPDX-License-Identifier: BSL-1.0
#include "context/overflow.hpp"

#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <mutex>

namespace weft::detail {
namespace {

void on_fault(int signal, siginfo_t* info, void* context) noexcept;

struct link {
  int signal;
  // We are, or may be, among the handlers that a fault reaches. Published (release) by put_in_place after `previous`
  // is written, read (acquire) by pass_on in a handler on any thread.
  std::atomic<bool> in_place{false};
  struct sigaction previous = {};
};

constinit std::array<link, 2> links{link{.signal = SIGSEGV}, link{.signal = SIGBUS}};
// Stored (release) by whoever installs, loaded (acquire) by on_fault, so that what the describer reads is there.
constinit std::atomic<overflow_describer> describer{nullptr};
constinit std::mutex installing;
constinit unsigned reports = 0;

bool is_ours(const struct sigaction& action) noexcept {
  return (action.sa_flags & SA_SIGINFO) != 0 && action.sa_sigaction == &on_fault;
}

bool is_default(const struct sigaction& action) noexcept {
  return (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == SIG_DFL;
}

void put_in_place(link& l) noexcept {
  struct sigaction current = {};
  sigaction(l.signal, nullptr, &current);
  // Somebody's handler came on top of ours and calls it, or went away again: to put ours on top would close a ring.
  if (l.in_place.load(std::memory_order_relaxed) && !is_default(current)) return;
  l.previous = current;
  l.in_place.store(true, std::memory_order_release);
  struct sigaction own = {};
  own.sa_sigaction = &on_fault;
  own.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
  sigemptyset(&own.sa_mask);
  sigaction(l.signal, &own, nullptr);
}

void take_away(link& l) noexcept {
  struct sigaction current = {};
  sigaction(l.signal, nullptr, &current);
  if (!is_ours(current)) return;
  sigaction(l.signal, &l.previous, nullptr);
  l.in_place.store(false, std::memory_order_relaxed);  // relaxed: under the lock, and no handler comes to us any more
}

// True for a fault that happens again when the handler returns to it.
bool repeats(int signal, const siginfo_t& info) noexcept {
  return info.si_code > 0 && !(signal == SIGBUS && info.si_code == BUS_MCEERR_AO);
}

void restore_default(int signal) noexcept {
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  sigaction(signal, &action, nullptr);
}

void take_default_action(int signal, siginfo_t* info) noexcept {
  restore_default(signal);
  if (!repeats(signal, *info)) syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), signal, info);
}

void pass_on(int signal, siginfo_t* info, void* context) noexcept {
  const link& l = links[signal == SIGSEGV ? 0 : 1];
  struct sigaction next = {};
  next.sa_handler = SIG_DFL;
  if (l.in_place.load(std::memory_order_acquire)) next = l.previous;
  const bool has_info = (next.sa_flags & SA_SIGINFO) != 0;
  if (!has_info && next.sa_handler == SIG_IGN && !repeats(signal, *info)) return;
  // The kernel does not let a fault be ignored either.
  if (!has_info && (next.sa_handler == SIG_DFL || next.sa_handler == SIG_IGN)) return take_default_action(signal, info);

  // Such a handler counts on it that a fault which repeats meets the default action.
  if ((next.sa_flags & static_cast<int>(SA_RESETHAND)) != 0) restore_default(signal);
  // As the kernel would have called it, on our alternate stack: it could not run on the one that overflowed.
  sigset_t before;
  pthread_sigmask(SIG_BLOCK, &next.sa_mask, &before);
  if ((next.sa_flags & SA_NODEFER) != 0) {
    sigset_t own;
    sigemptyset(&own);
    sigaddset(&own, signal);
    pthread_sigmask(SIG_UNBLOCK, &own, nullptr);
  }
  if (has_info) {
    next.sa_sigaction(signal, info, context);
  } else {
    next.sa_handler(signal);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void on_fault(int signal, siginfo_t* info, void* context) noexcept {
  const int saved = errno;
  const overflow_describer describe = describer.load(std::memory_order_acquire);
  if (describe != nullptr && repeats(signal, *info)) describe(info->si_addr, STDERR_FILENO);
  errno = saved;
  pass_on(signal, info, context);
}

}  // namespace

overflow_report::overflow_report(overflow_describer describe) {
  const std::lock_guard lock(installing);
  describer.store(describe, std::memory_order_release);
  if (reports++ > 0) return;
  for (link& l : links) put_in_place(l);
}

overflow_report::~overflow_report() {
  const std::lock_guard lock(installing);
  if (--reports > 0) return;
  for (link& l : links) take_away(l);
  describer.store(nullptr, std::memory_order_relaxed);  // relaxed: nothing is published by taking it away
}

}  // namespace weft::detail
