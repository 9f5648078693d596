// SPDX-License-Identifier: BSL-1.0
// The library weft-locks: pthread's mutexes, watched. Not a part of weft-hooks, whose programs lock as without it: this
// one is preloaded, by who looks for a worker that stands still.
//
// A mutex belongs to a thread, so a fiber that parks while it holds one lets another fiber of its worker come to the same
// lock: it waits for a fiber that can only run when it has waited. Told of when that is about to happen, and when a mutex
// is unlocked by a fiber that has given up its worker in between; once for each place that locks. A recursive mutex lets the
// other fiber in, since it is the same thread: that is told, too.
#include <dlfcn.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <string_view>

#include "base/lock_witness.hpp"
#include "context/raw_line.hpp"
#include "hooks/held_mutexes.hpp"
#include "hooks/next.hpp"

namespace weft::detail {

namespace next {
constexpr next_function<"pthread_mutex_lock", int(pthread_mutex_t*)> lock;
constexpr next_function<"pthread_mutex_trylock", int(pthread_mutex_t*)> trylock;
constexpr next_function<"pthread_mutex_timedlock", int(pthread_mutex_t*, const timespec*)> timedlock;
constexpr next_function<"pthread_mutex_clocklock", int(pthread_mutex_t*, clockid_t, const timespec*)> clocklock;
constexpr next_function<"pthread_mutex_unlock", int(pthread_mutex_t*)> unlock;
}  // namespace next

namespace {

constinit std::atomic<const lock_witness*> witness{nullptr};
constinit held_mutexes held;

class description {
 public:
  description(const lock_witness& w, const void* fiber) noexcept : size_(w.describe(fiber, text_, sizeof text_)) {}
  [[nodiscard]] std::string_view text() const noexcept {
    return size_ ? std::string_view(text_, size_) : "a fiber that has ended";
  }
  [[nodiscard]] std::string_view origin() const noexcept {
    const auto at = text().find(", created at ");
    return at == std::string_view::npos ? "" : text().substr(at);
  }

 private:
  char text_[256];
  std::size_t size_;
};

// True once for each place and where its fiber comes from, of the first so many: without optimization all std::mutexes are
// locked at one place.
bool is_new(const void* place, const description& fiber) noexcept {
  static constinit std::array<std::atomic<std::uintptr_t>, 64> told{};
  auto key = reinterpret_cast<std::uintptr_t>(place);
  for (const char c : fiber.origin()) key = (key ^ static_cast<unsigned char>(c)) * 0x100000001b3u;  // FNV-1a
  for (auto& one : told) {
    std::uintptr_t known = 0;
    if (one.compare_exchange_strong(known, key, std::memory_order_relaxed)) return true;
    if (known == key) return false;
  }
  return false;
}

// As backtrace_symbols has it: file(function+offset), or file(+offset), which addr2line takes.
void add_place(raw_line& line, const void* place) noexcept {
  Dl_info at{};
  const auto address = reinterpret_cast<std::uintptr_t>(place);
  if (!dladdr(place, &at)) {
    line.hex(address);
    return;
  }
  const auto from = reinterpret_cast<std::uintptr_t>(at.dli_sname ? at.dli_saddr : at.dli_fbase);
  line.text(at.dli_fname).text("(").text(at.dli_sname ? at.dli_sname : "").text("+").hex(address - from).text(")");
}

// One attempt of a fiber to lock a mutex. Off a fiber, and while no runtime has asked for this, it does nothing.
class locking {
 public:
  locking(const pthread_mutex_t* mutex, const void* caller) noexcept
      : mutex_(mutex), caller_(caller), witness_(witness.load(std::memory_order_acquire)) {  // pairs with attach
    if (witness_) fiber_ = witness_->running();
  }

  // Before it may wait.
  void warn() const noexcept {
    if (!fiber_) return;
    const held_mutex* const by = held.find(mutex_);
    if (!by || by->worker.load(std::memory_order_relaxed) != witness_->worker()) return;
    const void* const holder = by->fiber.load(std::memory_order_relaxed);
    const void* const since = by->caller.load(std::memory_order_relaxed);
    if (holder == fiber_) return;
    const description mine(*witness_, fiber_);
    if (!is_new(caller_, mine)) return;
    const bool enters = is_recursive();
    const int error = errno;
    raw_line line;
    line.text("weft: locks: ").text(mine.text()).text(enters ? ", is not kept out: at " : ", stops its worker: at ");
    add_place(line, caller_);
    line.text(enters ? " it enters a recursive mutex that " : " it waits for a mutex that ")
        .text(description(*witness_, holder).text())
        .text(", of the same worker, has held since ");
    add_place(line, since);
    line.write_to(STDERR_FILENO);
    errno = error;
  }

  // What the attempt came to.
  int returns(int error) const noexcept {
    if (fiber_ && (error == 0 || error == EOWNERDEAD)) remember();
    return error;
  }

 private:
  // As glibc notes it.
  [[nodiscard]] bool is_recursive() const noexcept { return (mutex_->__data.__kind & 3) == PTHREAD_MUTEX_RECURSIVE; }

  void remember() const noexcept {
    held_mutex* entry = held.find(mutex_);
    if (entry && entry->fiber.load(std::memory_order_relaxed) == fiber_) {
      entry->depth.store(entry->depth.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
      return;
    }
    // One that is there all the same was let go by a way that is not watched, pthread_cond_wait, or is recursive and lets
    // this fiber in beside the first one, of which nothing is known from then on.
    if (!entry && !(entry = held.add(mutex_))) return;
    entry->worker.store(nullptr, std::memory_order_relaxed);
    entry->fiber.store(fiber_, std::memory_order_relaxed);
    entry->caller.store(caller_, std::memory_order_relaxed);
    entry->turns.store(witness_->turns(), std::memory_order_relaxed);
    entry->depth.store(1, std::memory_order_relaxed);
    entry->worker.store(witness_->worker(), std::memory_order_relaxed);
  }

  const pthread_mutex_t* mutex_;
  const void* caller_;
  const lock_witness* witness_;
  const void* fiber_ = nullptr;
};

// Before it is unlocked, by its holder.
void forget(const pthread_mutex_t* mutex) noexcept {
  const lock_witness* const w = witness.load(std::memory_order_acquire);  // pairs with attach
  if (!w) return;
  held_mutex* const entry = held.find(mutex);
  if (!entry) return;
  const unsigned depth = entry->depth.load(std::memory_order_relaxed);
  if (depth > 1) {
    entry->depth.store(depth - 1, std::memory_order_relaxed);
    return;
  }
  const void* const holder = entry->fiber.load(std::memory_order_relaxed);
  const void* const since = entry->caller.load(std::memory_order_relaxed);
  const bool stayed = holder != w->running() || (entry->worker.load(std::memory_order_relaxed) == w->worker() &&
                                                 entry->turns.load(std::memory_order_relaxed) == w->turns());
  held_mutexes::remove(*entry);
  if (stayed) return;
  const description mine(*w, holder);
  if (!is_new(since, mine)) return;
  const int error = errno;
  raw_line line;
  line.text("weft: locks: ")
      .text(mine.text())
      .text(", gave up its worker while it held a mutex that it had locked at ");
  add_place(line, since);
  line.write_to(STDERR_FILENO);
  errno = error;
}

}  // namespace

// The return address of a hook, in its body.
#define WEFT_CALLER __builtin_return_address(0)

extern "C" {

[[gnu::visibility("default")]] void weft_locks_attach(const lock_witness& of) noexcept {
  witness.store(&of, std::memory_order_release);
}

[[gnu::visibility("default")]] int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  const locking attempt(mutex, WEFT_CALLER);
  attempt.warn();
  return attempt.returns(next::lock(mutex));
}

[[gnu::visibility("default")]] int pthread_mutex_trylock(pthread_mutex_t* mutex) noexcept {
  const locking attempt(mutex, WEFT_CALLER);
  return attempt.returns(next::trylock(mutex));
}

[[gnu::visibility("default")]] int pthread_mutex_timedlock(pthread_mutex_t* mutex, const timespec* until) noexcept {
  const locking attempt(mutex, WEFT_CALLER);
  attempt.warn();
  return attempt.returns(next::timedlock(mutex, until));
}

[[gnu::visibility("default")]] int pthread_mutex_clocklock(pthread_mutex_t* mutex, clockid_t clock,
                                                           const timespec* until) noexcept {
  const locking attempt(mutex, WEFT_CALLER);
  attempt.warn();
  return attempt.returns(next::clocklock(mutex, clock, until));
}

[[gnu::visibility("default")]] int pthread_mutex_unlock(pthread_mutex_t* mutex) noexcept {
  forget(mutex);
  return next::unlock(mutex);
}

}  // extern "C"

}  // namespace weft::detail
