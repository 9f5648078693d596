// SPDX-License-Identifier: BSL-1.0
// What weft knows about a file descriptor number: what was heard of it, who waits for it, and which poller listens.
//
// Invariants
//  - States are type-stable: one per number, in chunks that are never freed, so a reference holds forever.
//  - A word per direction holds (generation, edges). The generation counts the lives of the number; the edges count what
//    was heard in this direction. Both only go forward, under the lock; the words of both directions agree about the
//    generation. Nothing is ever "consumed": an attempt remembers the word that it began with, and may park only while
//    the word is still the same. So readiness that comes before anybody waits is remembered, and of several that try at
//    once none can take another's edge.
//  - `busy_` is set while a thread attaches or detaches, without the lock; only that thread changes `poller_`. Whoever
//    wants to end the life of the number waits for it.
//
// Protocol of a wait
//  [fd-1] `attempt seen = d.about_to_try(which)`, then the system call. Only when that says EAGAIN:
//  [fd-2] `d.settle(poller, seen)`: some poller listens from here on. What it finds ready already is an edge, so nothing is
//         lost between the call and the listening, nor when the registration moves.
//  [fd-3] Arm the claim, `d.wait_begin(which, node, seen)`. Anything but `park`: nothing was linked; the owner wins its
//         own claim back, or parks because somebody else won it, and then tries again (`retry`) or gives up (`closed`).
//  [fd-4] `deliver` counts an edge and wakes all who wait; each begins again at [fd-1]. `close` ends the generation,
//         which wakes them with outcome::closed.
//  [fd-5] Resumed by anything else, the waiter calls `wait_end`.
//
// A file that weft does not own may be closed and its number reused behind our back; `borrow` and `give_back` around the
// waits bound a life then. An edge of an earlier life carries the earlier generation and is dropped. Who borrows what
// others have borrowed already joins their life, and finds their registration, which may be another file's (`confirm`).
//
// A kept file is the program's, but its calls of close(2) come by here (src/hooks), or nearly all: libc's own, in fclose(3)
// say, do not. So its life lasts from `keep` to `close`, with one registration for all waits, which may nevertheless be
// another file's. Whoever waits for a kept file asks once, after a while, whether it is (`confirm`).
//
// Short reads: after a read that returned less than asked, the next may park without asking the kernel only on plain TCP
// and only while RDHUP, HUP, ERR and PRI have not been heard (unix sockets stop at SCM_RIGHTS, TCP at the urgent mark,
// data with FIN behind it gives one event).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <weft/detail/base/spin_lock.hpp>
#include <weft/detail/run/wait_queue.hpp>

#include "poll/poller.hpp"

namespace weft::detail {

enum class direction : std::uint8_t { read, write };

// What a caller of `descriptor::wait_begin` must do now.
enum class wait_duty : std::uint8_t { park, retry, closed };

// Whether a short read proves that nothing is left.
enum class short_reads : std::uint8_t { mean_nothing, mean_drained };

class alignas(64) descriptor {
 public:
  // What was heard when an attempt began: (generation, edges). Zero is no attempt.
  using attempt = std::uint64_t;

  // Any thread. Throws bad_file_descriptor for a negative number and for one beyond the table, or bad_alloc.
  static descriptor& of(int fd) {
    descriptor* known = find(fd);
    return known ? *known : make(fd);
  }
  // Any thread. Null if `of` was never called for that number.
  static descriptor* find(int fd) noexcept;
  // Any thread. Those of the numbers from `first` to `last` that `of` may have been called for.
  template <class Do> static void for_each(unsigned first, unsigned last, Do&& what) noexcept;

  // Any thread. Whether `fd` is a TCP socket without an upper layer protocol. Up to two system calls.
  [[nodiscard]] static short_reads ask_kernel(int fd) noexcept;

  // A poller's destructor, first thing: nothing refers to it afterwards. Whoever waits there is woken to settle anew.
  static void forget(const poller& gone) noexcept;

  [[nodiscard]] int number() const noexcept { return fd_; }
  // Any thread. The life that the number is in, and the one that an attempt was made in.
  [[nodiscard]] std::uint32_t generation() const noexcept;
  static std::uint32_t generation_of(attempt seen) noexcept { return static_cast<std::uint32_t>(seen >> 32); }

  // The life of an fd. Any thread.
  // weft made it or adopted it. What is left of an unreported earlier life is closed first.
  void open(short_reads trust, wake_list& woken) noexcept;
  // Before ::close. All who wait are woken with outcome::closed, then the poller lets go.
  void close(wake_list& woken) noexcept;
  // After ::close: the same for those who came too late for `close` and too early to find the number closed. Unless the
  // number is another file's by now, which is used.
  void close_late(wake_list& woken) noexcept;
  // Around waits on a file that weft may not own. The last `give_back` ends the life that the first `borrow` began; on
  // an open one both do nothing but count. True: others rely on that life, and what they have registered may be a file
  // that was closed since; who can afford it asks (`confirm`).
  bool borrow(wake_list& woken) noexcept;
  void give_back(wake_list& woken) noexcept;
  // A kept file. `what` is what the caller has found out about it, not zero; remembered until the life ends, or until it
  // turns out to be another file's. On an open one, whose life is its owner's, it is only remembered.
  void keep(std::uint32_t what, short_reads trust, wake_list& woken) noexcept;
  // Any thread. What `keep` was told about the file of this life; zero: nothing.
  [[nodiscard]] std::uint32_t kept_as() const noexcept { return static_cast<std::uint32_t>(memory()); }
  // The same, with the life that it is about in the upper half.
  [[nodiscard]] std::uint64_t memory() const noexcept {
    // acquire: pairs with `keep`, whose life is seen.
    const std::uint64_t known = kept_as_.load(std::memory_order_acquire);
    return generation_of(known) == generation() ? known : 0;
  }
  // Any thread. Replaces what is remembered, if that is still `before`, a `memory` of the same life as `what`. Relaxed:
  // so it is about that life.
  void remember(std::uint64_t before, std::uint32_t what) noexcept {
    kept_as_.compare_exchange_strong(before, (before >> 32) << 32 | what, std::memory_order_relaxed);
  }
  // Any thread. From now on short reads mean nothing in this life.
  void distrust() noexcept;
  // Any thread. Whether its life will last until `close`. Relaxed: true for whoever has called `keep` or waits here.
  [[nodiscard]] bool is_kept() const noexcept { return kept_.load(std::memory_order_relaxed); }
  // Any thread. Whether somebody relies on the life of a file of the program's, so that its end must be told. Relaxed: true
  // for whoever waits here.
  [[nodiscard]] bool is_relied_on() const noexcept {
    return !is_open() && (is_kept() || borrowers_.load(std::memory_order_relaxed) > 0);
  }
  // Any thread. Whether weft made or adopted the file. Relaxed: true for whoever holds it.
  [[nodiscard]] bool is_open() const noexcept { return open_.load(std::memory_order_relaxed); }
  // Any thread. A lock around the question whether a call would block and the call; held across system calls, never across
  // a park. acquire and release: what one caller has taken out of the file the next one finds gone.
  [[nodiscard]] bool try_to_ask() noexcept { return !asking_.exchange(true, std::memory_order_acquire); }
  void has_asked() noexcept { asking_.store(false, std::memory_order_release); }
  // Any thread that waits for a file of the program's. Asks the poller that listens whether the number still names the file
  // that it listens for. If not, what was known of the file is forgotten, and all who wait are woken to begin again.
  void confirm(wake_list& woken) noexcept;

  // [fd-1] Any thread. Acquire: the attempt that follows comes after the edges seen here, and pairs with `advance`.
  [[nodiscard]] attempt about_to_try(direction which) const noexcept {
    return words_[index(which)].load(std::memory_order_acquire);
  }

  // [fd-2] The worker of `mine`. Registers with `mine` unless some poller listens already; moves the registration to
  // `mine` when it has been elsewhere `moves_after` times in a row. Nothing is registered for a life that is over.
  // Throws std::system_error naming the fd: EPERM for files that cannot be waited on.
  void settle(poller& mine, attempt seen) {
    // Relaxed: this very thread stored it after it attached, or else the value is another one and is looked at again.
    if (poller_.load(std::memory_order_relaxed) == &mine) {
      if (elsewhere_.load(std::memory_order_relaxed)) elsewhere_.store(0, std::memory_order_relaxed);
      return;
    }
    settle_elsewhere(mine, seen);
  }

  // The worker of `mine`. Whether it is `mine` that listens. Relaxed: as in `settle`.
  [[nodiscard]] bool is_heard_by(const poller& mine) const noexcept {
    return poller_.load(std::memory_order_relaxed) == &mine;
  }

  // [fd-3] Any thread; the node's claim is armed. Links the node only if the answer is `park`.
  [[nodiscard]] wait_duty wait_begin(direction which, wait_node& node, attempt seen) noexcept;

  // [fd-5] Any thread. Afterwards the node is not linked. Not needed after outcome::woken and outcome::closed where the
  // generation of the claim has no other node: the winner unlinked this one.
  void wait_end(direction which, wait_node& node) noexcept;

  // [fd-4] Pollers only. `events` are epoll's bits.
  void deliver(std::uint32_t events, std::uint32_t generation, wake_list& woken) noexcept;

  // Any thread. The read that began with `seen` returned less than was asked for.
  void note_short_read(attempt seen) noexcept {
    drained_.store(static_cast<std::uint32_t>(seen), std::memory_order_relaxed);  // a hint to `drained_since`
  }
  // Any thread. The attempt of the last read if that emptied the socket and nothing has been heard since: go on at [fd-2]
  // with it. Zero: ask the kernel.
  [[nodiscard]] attempt drained_since() const noexcept {
    const attempt now = about_to_try(direction::read);
    // Edges go forward through all lives, so those of `drained_` can only be the current ones if they are of this life.
    // Read after the word: the bits that came with its edges are seen; later ones change the word.
    if (drained_.load(std::memory_order_relaxed) != static_cast<std::uint32_t>(now)) return 0;
    return sticky_.load(std::memory_order_relaxed) ? 0 : now;
  }

  // Any thread. RDHUP, HUP, ERR and PRI as heard in this life.
  [[nodiscard]] std::uint32_t sticky_events() const noexcept {
    return sticky_.load(std::memory_order_relaxed) & ~std::uint32_t{distrusted};
  }

  static constexpr int table_limit = 1 << 24;     // numbers from here on are refused
  static constexpr std::uint8_t moves_after = 8;  // waits in a row of one that another poller listens for

 private:
  static constexpr int chunk_size = 256;
  static constexpr std::uint16_t distrusted = 1u << 15;  // in `sticky_`: short reads mean nothing here
  struct chunk;
  static std::array<std::atomic<chunk*>, table_limit / chunk_size> table;

  descriptor() = default;
  static descriptor& make(int fd);
  static std::size_t index(direction which) noexcept { return static_cast<std::size_t>(which); }

  // All but the first with the lock held.
  void lock_when_idle() noexcept;
  void advance(direction which, attempt lives = 0) noexcept;
  void wake_all_anew(wake_list& woken) noexcept;
  void begin_life(std::uint16_t sticky, wake_list& woken) noexcept;
  void let_go() noexcept;
  void settle_elsewhere(poller& mine, attempt seen);  // takes the lock
  void start_over() noexcept;                         // in the child of a fork, where nobody holds it

  // What a message touches: one cache line.
  spin_lock lock_;
  bool busy_ = false;
  std::atomic<std::uint16_t> sticky_{distrusted};
  std::atomic<std::uint32_t> drained_{0};
  std::array<std::atomic<attempt>, 2> words_{};
  std::array<wait_queue, 2> waiting_;
  std::atomic<poller*> poller_{nullptr};
  // The rest.
  std::atomic<std::uint8_t> elsewhere_{0};
  std::atomic<bool> open_{false};  // written under the lock
  std::atomic<bool> asking_{false};
  std::atomic<bool> kept_{false};            // written under the lock
  std::atomic<std::uint64_t> kept_as_{0};    // (generation, what)
  std::atomic<std::uint32_t> borrowers_{0};  // written under the lock
  int fd_ = -1;
};

struct descriptor::chunk {
  descriptor entries[chunk_size];
};

inline descriptor* descriptor::find(int fd) noexcept {
  if (fd < 0 || fd >= table_limit) return nullptr;
  // acquire: pairs with the exchange in `make`
  chunk* const c = table[static_cast<std::size_t>(fd) / chunk_size].load(std::memory_order_acquire);
  return c ? &c->entries[static_cast<std::size_t>(fd) % chunk_size] : nullptr;
}

template <class Do> void descriptor::for_each(unsigned first, unsigned last, Do&& what) noexcept {
  for (std::uint64_t fd = first; fd <= last && fd < table_limit;) {
    if (descriptor* const d = find(static_cast<int>(fd))) {
      what(*d);
      ++fd;
    } else {
      fd = (fd / chunk_size + 1) * chunk_size;
    }
  }
}

}  // namespace weft::detail
