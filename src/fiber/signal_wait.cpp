// SPDX-License-Identifier: BSL-1.0
// Invariants
//  - The handler only counts in `arrived` and rings `bell`: async-signal-safe, and harmless when it runs late, after
//    the disposition was restored.
//  - Everything else changes under the lock of `desk`. A signal has our handler while `waiters[n]` is not zero.
//
// Protocol
//  [signal-1] A waiter arms, enrols itself under the lock, parks.
//  [signal-2] The handler counts, then rings. One thread of weft's own, started with the first wait of the process,
//             hears it and, under the lock, claims all that wait for what has arrived.
//  [signal-3] A waiter that was woken by anything else still looks, under the lock, whether its signal has arrived
//             meanwhile: neither a deadline nor a cancellation swallows it.
#include <weft/fiber/signal_wait.hpp>

#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <weft/base/error.hpp>
#include <weft/detail/run/wait_queue.hpp>

#include "base/immortal.hpp"
#include "fiber/waiting.hpp"
#include "sched/signals.hpp"

namespace weft {
namespace {

constexpr int signal_count = NSIG;

constinit std::array<std::atomic<std::uint32_t>, signal_count> arrived{};
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);
sem_t bell;

struct enrolment {
  detail::waiter& who;
  detail::claim::ticket ticket;
  sigset_t signals;
  int got = 0;
  enrolment* next = nullptr;
};

extern "C" void note_signal(int number) {
  const int error = errno;
  arrived[std::size_t(number)].fetch_add(1, std::memory_order_release);  // pairs with `tell_all`
  sem_post(&bell);
  errno = error;
}

class signal_desk {
 public:
  // Never destroyed: a handler may run while the process exits.
  static signal_desk& of_process() {
    static detail::immortal<signal_desk> desk;
    return *desk;
  }

  signal_desk() noexcept { sem_init(&bell, 0, 0); }

  void enrol(enrolment& one) {
    const std::lock_guard guard(lock_);
    start_listener();
    for (int n = 1; n < signal_count; ++n) {
      if (sigismember(&one.signals, n) != 1) continue;
      if (const int error = watch(n)) {
        for (int k = 1; k < n; ++k)
          if (sigismember(&one.signals, k) == 1) unwatch(k);
        throw std::system_error(error, std::system_category(), "weft: signal_wait() of signal " + std::to_string(n));
      }
    }
    one.next = first_;
    first_ = &one;
    sem_post(&bell);  // the listener unblocks what is waited for now
  }

  void leave(enrolment& one) noexcept {
    detail::wake_list woken;
    {
      const std::lock_guard guard(lock_);
      if (one.got == 0) tell_all(woken);  // [signal-3]
      enrolment** link = &first_;
      while (*link != &one) link = &(*link)->next;
      *link = one.next;
      for (int n = 1; n < signal_count; ++n)
        if (sigismember(&one.signals, n) == 1) unwatch(n);
    }
    sem_post(&bell);  // and blocks it again
    woken.unpark_all();
  }

 private:
  // With the lock held. 0 or errno.
  int watch(int n) noexcept {
    const auto i = std::size_t(n);
    if (waiters_[i]++ > 0) return 0;
    arrived[i].store(0, std::memory_order_relaxed);  // late ones of an earlier wait
    struct sigaction ours {};
    ours.sa_handler = &note_signal;
    ours.sa_flags = SA_RESTART | SA_ONSTACK;
    sigfillset(&ours.sa_mask);
    if (sigaction(n, &ours, &before_[i]) == 0) return 0;
    --waiters_[i];
    return errno;
  }
  void unwatch(int n) noexcept {
    const auto i = std::size_t(n);
    if (--waiters_[i] > 0) return;
    struct sigaction now {};
    if (sigaction(n, nullptr, &now) == 0 && now.sa_handler == &note_signal) sigaction(n, &before_[i], nullptr);
  }

  // With the lock held. [signal-2]
  void tell_all(detail::wake_list& woken) noexcept {
    for (int n = 1; n < signal_count; ++n) {
      auto& count = arrived[std::size_t(n)];
      if (count.load(std::memory_order_relaxed) == 0 || count.exchange(0, std::memory_order_acquire) == 0) continue;
      for (enrolment* one = first_; one; one = one->next) {
        if (one->got != 0 || sigismember(&one->signals, n) != 1) continue;
        one->got = n;
        if (one->who.word.win(one->ticket, detail::outcome::woken)) woken.push(one->who);
      }
    }
  }

  // With the lock held. A child of fork has no thread but its own.
  void start_listener() {
    if (listens_in_ == getpid()) return;
    const detail::signals_blocked blocked;
    std::thread([this] { listen(); }).detach();
    listens_in_ = getpid();
  }

  // The thread that hears the bell. It lets the handlers run on it of what is waited for, since the program's own
  // threads may have blocked that.
  void listen() noexcept {
    for (;;) {
      sigset_t unblocked;
      sigemptyset(&unblocked);
      detail::wake_list woken;
      {
        const std::lock_guard guard(lock_);
        tell_all(woken);
        for (int n = 1; n < signal_count; ++n)
          if (waiters_[std::size_t(n)] > 0) sigaddset(&unblocked, n);
      }
      woken.unpark_all();
      pthread_sigmask(SIG_UNBLOCK, &unblocked, nullptr);
      while (sem_wait(&bell) != 0) {
      }
      pthread_sigmask(SIG_BLOCK, &unblocked, nullptr);  // others' handlers do not run here
    }
  }

  std::mutex lock_;
  enrolment* first_ = nullptr;
  std::array<unsigned, signal_count> waiters_{};
  std::array<struct sigaction, signal_count> before_{};
  pid_t listens_in_ = -1;
};

sigset_t checked(std::initializer_list<int> signals) {
  sigset_t result;
  sigemptyset(&result);
  if (signals.size() == 0) detail::throw_error(std::errc::invalid_argument, "weft: signal_wait() for no signal");
  for (const int n : signals) {
    for (const int raised : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS}) {
      if (n == raised)
        throw std::system_error(std::make_error_code(std::errc::invalid_argument),
                                "weft: signal_wait() of signal " + std::to_string(n) + ", which faults raise");
    }
    if (n <= 0 || n >= signal_count || sigaddset(&result, n) != 0)
      throw std::system_error(std::make_error_code(std::errc::invalid_argument),
                              "weft: signal_wait(): there is no signal " + std::to_string(n));
  }
  return result;
}

}  // namespace

int signal_wait(std::initializer_list<int> signals, deadline until) {
  const sigset_t wanted = checked(signals);
  signal_desk& desk = signal_desk::of_process();
  detail::waiting me(detail::waiting::may_cancel::yes, "a signal");
  enrolment one{me.who(), me.ticket(), wanted};
  try {
    desk.enrol(one);
  } catch (...) {
    me.forgo();
    throw;
  }
  const detail::outcome why = me.park(until);  // [signal-1]
  desk.leave(one);
  if (one.got != 0) return one.got;  // a cancellation is for the next point then
  me.heed(why);
  throw timed_out("weft: signal_wait(): none came in time");
}

}  // namespace weft
