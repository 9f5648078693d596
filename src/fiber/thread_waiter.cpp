// SPDX-License-Identifier: BSL-1.0
#include "fiber/thread_waiter.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <limits>
#include <mutex>
#include <weft/detail/base/spin_lock.hpp>

#include "base/at_thread_end.hpp"

namespace weft::detail {
namespace {

spin_lock free_lock;
thread_waiter* free_list = nullptr;  // under `free_lock`; never freed, since a late waker may still read a claim

// Without a destructor: it is looked at while those of the thread's variables run, and of the program's.
constinit thread_local thread_waiter* of_this_thread = nullptr;

}  // namespace

// Takes one for a thread on its first wait, gives it back when the thread ends. A destructor of a thread's variable that
// runs later may wait, too: then the thread takes one again, for that long. So no thread_local object will do, which ends
// only once.
class thread_waiter_owner {
 public:
  static thread_waiter& take() {
    thread_waiter* taken;
    {
      const std::lock_guard guard(free_lock);
      if ((taken = free_list)) free_list = taken->next_free_;
    }
    if (!taken) taken = new thread_waiter;
    of_this_thread = taken;
    at_thread_end(&give_back, taken);
    return *taken;
  }

 private:
  static void give_back(void* taken) {
    auto* const mine = static_cast<thread_waiter*>(taken);
    of_this_thread = nullptr;
    const std::lock_guard guard(free_lock);
    mine->next_free_ = free_list;
    free_list = mine;
  }
};

thread_waiter& thread_waiter::mine() { return of_this_thread ? *of_this_thread : thread_waiter_owner::take(); }

void thread_waiter::unpark_thread(waiter& w) noexcept {
  auto& self = static_cast<thread_waiter&>(w);
  self.unparked_.store(1, std::memory_order_release);  // pairs with `block`
  // The word may be another thread's by now: a wake without reason, which `block` checks.
  syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&self.unparked_), FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

void thread_waiter::block(claim::ticket generation, std::int64_t until) noexcept {
  constexpr std::int64_t limit = std::numeric_limits<std::int64_t>::max();
  while (!unparked_.load(std::memory_order_acquire)) {  // pairs with `unpark_thread`
    timespec at{};
    if (until != limit && until > 0) at = {until / 1'000'000'000, until % 1'000'000'000};
    // FUTEX_WAIT_BITSET takes an absolute time on the steady clock.
    const long done =
        syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&unparked_), FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, 0,
                until == limit ? nullptr : &at, nullptr, FUTEX_BITSET_MATCH_ANY);
    if (done == -1 && errno == ETIMEDOUT) {
      if (word.win(generation, outcome::deadline)) return;  // nobody owes us an unpark
      until = limit;
    }
  }
  unparked_.store(0, std::memory_order_relaxed);  // nobody unparks before the next arm
}

}  // namespace weft::detail
