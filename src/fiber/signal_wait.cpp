// SPDX-License-Identifier: BSL-1.0
// Invariants
//  - The handler only counts in `arrived` and rings `bell`: async-signal-safe, and harmless when it runs late, after
//    the disposition was restored.
//  - Everything else changes under the lock of `desk`. A signal has our handler while somebody waits for it, and until
//    the listener is deaf to it.
//
// Protocol
//  [signal-1] A waiter arms, enrols itself under the lock, parks.
//  [signal-2] The handler counts, then rings. One thread of weft's own, started with the first wait of the process,
//             hears it and, under the lock, claims all that wait for what has arrived.
//  [signal-3] A waiter that was woken by anything else still looks, under the lock, whether its signal has arrived
//             meanwhile: neither a deadline nor a cancellation swallows it.
//  [signal-4] The last one who leaves a signal waits until the listener blocks it, and only then restores what was set
//             before: that is for the program's threads, and where all of them block the signal it waits for the next
//             wait.
//  [signal-5] A signal of which nobody was told, because it came together with another one or too late, is kept for the
//             next wait for it. It is not sent anew: by then it may mean something else to the program.
#include <weft/fiber/signal_wait.hpp>

#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
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
        for (int k = 1; k < n; ++k) {
          if (sigismember(&one.signals, k) != 1) continue;
          --of(k).waiters;
          restore(k);
        }
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
      std::unique_lock guard(lock_);
      if (one.got == 0) tell_all(woken);  // [signal-3]
      enrolment** link = &first_;
      while (*link != &one) link = &(*link)->next;
      *link = one.next;
      for (int n = 1; n < signal_count; ++n)
        if (sigismember(&one.signals, n) == 1) --of(n).waiters;
      // [signal-4] The listener blocks it again.
      sem_post(&bell);
      deaf_.wait(guard, [&] { return !hears_in_vain(one.signals); });
      tell_all(woken);
      for (int n = 1; n < signal_count; ++n)
        if (sigismember(&one.signals, n) == 1) restore(n);
    }
    woken.unpark_all();
  }

 private:
  struct state {
    unsigned waiters = 0;
    bool is_ours = false;    // has our handler
    bool is_heard = false;   // the listener may be running that
    bool is_untold = false;  // it has arrived, and nobody was told of it [signal-5]
    struct sigaction before {};
  };
  [[nodiscard]] state& of(int n) noexcept { return states_[std::size_t(n)]; }

  // The rest with the lock held, but for `listen`.

  // 0 or errno.
  int watch(int n) noexcept {
    state& s = of(n);
    if (s.waiters++ > 0 || s.is_ours) return 0;
    struct sigaction ours {};
    ours.sa_handler = &note_signal;
    ours.sa_flags = SA_RESTART | SA_ONSTACK;
    sigfillset(&ours.sa_mask);
    s.is_ours = sigaction(n, &ours, &s.before) == 0;
    if (s.is_ours) return 0;
    --s.waiters;
    return errno;
  }
  // Unless somebody waits for it, or has still to see to it that the listener is deaf.
  void restore(int n) noexcept {
    state& s = of(n);
    if (s.waiters > 0 || s.is_heard || !std::exchange(s.is_ours, false)) return;
    struct sigaction now {};
    if (sigaction(n, nullptr, &now) == 0 && now.sa_handler == &note_signal) sigaction(n, &s.before, nullptr);
  }
  [[nodiscard]] bool hears_in_vain(const sigset_t& signals) noexcept {
    for (int n = 1; n < signal_count; ++n)
      if (sigismember(&signals, n) == 1 && of(n).is_heard && of(n).waiters == 0) return true;
    return false;
  }

  // [signal-2]
  void tell_all(detail::wake_list& woken) noexcept {
    for (int n = 1; n < signal_count; ++n) {
      auto& count = arrived[std::size_t(n)];
      state& s = of(n);
      if (count.load(std::memory_order_relaxed) != 0 && count.exchange(0, std::memory_order_acquire) != 0)
        s.is_untold = true;
      if (!s.is_untold) continue;
      for (enrolment* one = first_; one; one = one->next) {
        if (sigismember(&one->signals, n) != 1) continue;
        if (one->got == 0) {
          one->got = n;
          if (one->who.word.win(one->ticket, detail::outcome::woken)) woken.push(one->who);
        }
        if (one->got == n) s.is_untold = false;
      }
    }
  }

  // A child of fork has no thread but its own.
  void start_listener() {
    if (listens_in_ == getpid()) return;
    const detail::signals_blocked blocked;
    std::thread([this] { listen(); }).detach();
    listens_in_ = getpid();
  }

  // The thread that hears the bell. It lets the handlers run on it of what is waited for, since the program's own
  // threads may have blocked that; others' handlers do not run here.
  void listen() noexcept {
    for (;;) {
      sigset_t heard;
      sigemptyset(&heard);
      detail::wake_list woken;
      {
        const std::lock_guard guard(lock_);
        tell_all(woken);
        for (int n = 1; n < signal_count; ++n) {
          of(n).is_heard = of(n).waiters > 0;
          if (of(n).is_heard) sigaddset(&heard, n);
        }
      }
      deaf_.notify_all();
      woken.unpark_all();
      pthread_sigmask(SIG_UNBLOCK, &heard, nullptr);
      while (sem_wait(&bell) != 0) {
      }
      pthread_sigmask(SIG_BLOCK, &heard, nullptr);
    }
  }

  std::mutex lock_;
  std::condition_variable deaf_;  // to what nobody waits for any more
  enrolment* first_ = nullptr;
  std::array<state, signal_count> states_{};
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
