// SPDX-License-Identifier: BSL-1.0
#include "poll/descriptor.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <system_error>

namespace weft::detail {

namespace {

constexpr std::uint32_t sticky_events_of_epoll = EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI;
constexpr std::uint32_t lets_read = EPOLLIN | sticky_events_of_epoll;
constexpr std::uint32_t lets_write = EPOLLOUT | EPOLLHUP | EPOLLERR;

[[noreturn, gnu::cold]] void refuse(int fd) {
  const std::string what = fd < 0 ? "weft: " + std::to_string(fd) + " is no file descriptor"
                                  : "weft: file descriptor " + std::to_string(fd) + " is beyond the limit of " +
                                        std::to_string(descriptor::table_limit);
  throw std::system_error(std::make_error_code(std::errc::bad_file_descriptor), what);
}

}  // namespace

constinit std::array<std::atomic<descriptor::chunk*>, descriptor::table_limit / descriptor::chunk_size>
    descriptor::table{};

descriptor& descriptor::make(int fd) {
  if (fd < 0 || fd >= table_limit) refuse(fd);
  static const bool at_fork = [] {
    const auto in_child = [] {
      for (auto& entry : table) {
        if (chunk* const c = entry.load(std::memory_order_relaxed)) {  // the child has one thread
          for (descriptor& d : c->entries) d.start_over();
        }
      }
    };
    if (pthread_atfork(nullptr, nullptr, in_child)) throw std::bad_alloc();  // the next call tries again
    return true;
  }();
  static_cast<void>(at_fork);
  auto fresh = std::make_unique<chunk>();
  const int first = fd / chunk_size * chunk_size;
  for (int i = 0; i < chunk_size; ++i) fresh->entries[i].fd_ = first + i;
  chunk* known = nullptr;
  // release: `find` sees the numbers. acquire: so do we if another thread was faster.
  if (table[static_cast<std::size_t>(fd) / chunk_size].compare_exchange_strong(known, fresh.get(),
                                                                               std::memory_order_acq_rel)) {
    known = fresh.release();  // never freed
  }
  return known->entries[static_cast<std::size_t>(fd) % chunk_size];
}

short_reads descriptor::ask_kernel(int fd) noexcept {
  // TCP proper: not MPTCP, nor SMC, which passes the next question on to the TCP socket beneath it.
  int protocol = 0;
  socklen_t size = sizeof protocol;
  if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) != 0) return short_reads::mean_nothing;
  if (protocol != IPPROTO_TCP) return short_reads::mean_nothing;
  char layer[16] = {};
  size = sizeof layer;
  if (getsockopt(fd, IPPROTO_TCP, TCP_ULP, layer, &size) != 0) return short_reads::mean_nothing;
  return layer[0] == '\0' ? short_reads::mean_drained : short_reads::mean_nothing;
}

std::uint32_t descriptor::generation() const noexcept { return generation_of(about_to_try(direction::read)); }

void descriptor::open(short_reads trust, wake_list& woken) noexcept {
  lock_when_idle();
  begin_life(trust == short_reads::mean_drained ? 0 : distrusted, woken);
  open_.store(true, std::memory_order_relaxed);
  kept_.store(false, std::memory_order_relaxed);
  let_go();  // of an earlier file that was closed behind our back
  lock_.unlock();
}

void descriptor::close(wake_list& woken) noexcept {
  lock_when_idle();
  begin_life(distrusted, woken);
  open_.store(false, std::memory_order_relaxed);
  kept_.store(false, std::memory_order_relaxed);
  let_go();
  lock_.unlock();
}

void descriptor::close_late(wake_list& woken) noexcept {
  lock_when_idle();
  if (!is_open() && !is_relied_on()) {
    begin_life(distrusted, woken);
    let_go();
  }
  lock_.unlock();
}

bool descriptor::borrow(wake_list& woken) noexcept {
  lock_when_idle();
  const bool joins = is_relied_on();
  borrowers_.store(borrowers_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  if (!joins && !is_open()) {
    begin_life(distrusted, woken);
    let_go();
  }
  lock_.unlock();
  return joins;
}

void descriptor::give_back(wake_list& woken) noexcept {
  lock_when_idle();
  borrowers_.store(borrowers_.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
  if (!is_open() && !is_relied_on()) {
    begin_life(distrusted, woken);
    let_go();
  }
  lock_.unlock();
}

void descriptor::keep(std::uint32_t what, short_reads trust, wake_list& woken) noexcept {
  const std::uint16_t sticky = trust == short_reads::mean_drained ? 0 : distrusted;
  lock_when_idle();
  if (!is_open() && kept_as() == 0) {
    if (is_kept()) {  // it was another file's
      sticky_.store(sticky, std::memory_order_relaxed);
      wake_all_anew(woken);
    } else {
      kept_.store(true, std::memory_order_relaxed);
      if (borrowers_.load(std::memory_order_relaxed) == 0) {  // else somebody waits already, in a life without trust
        begin_life(sticky, woken);
        let_go();  // of an earlier file that was closed behind our back
      }
    }
  }
  // release: pairs with `kept_as`. A close may have come in between.
  if (is_open() || is_kept()) kept_as_.store(std::uint64_t{generation()} << 32 | what, std::memory_order_release);
  lock_.unlock();
}

void descriptor::distrust() noexcept {
  const std::lock_guard guard(lock_);
  sticky_.store(static_cast<std::uint16_t>(sticky_.load(std::memory_order_relaxed) | distrusted),
                std::memory_order_relaxed);
}

void descriptor::confirm(wake_list& woken) noexcept {
  lock_when_idle();
  poller* const listening = poller_.load(std::memory_order_relaxed);
  if (listening && !is_open()) {
    busy_ = true;
    lock_.unlock();
    const bool is_heard = listening->still_hears(*this);
    lock_.lock();
    busy_ = false;
    if (!is_heard) {
      poller_.store(nullptr, std::memory_order_relaxed);
      kept_as_.store(0, std::memory_order_relaxed);
      wake_all_anew(woken);
    }
  }
  lock_.unlock();
}

wait_duty descriptor::wait_begin(direction which, wait_node& node, attempt seen) noexcept {
  const std::lock_guard guard(lock_);
  const attempt now = words_[index(which)].load(std::memory_order_relaxed);  // only changes under the lock
  if (now != seen) return generation_of(now) == generation_of(seen) ? wait_duty::retry : wait_duty::closed;
  waiting_[index(which)].push_back(node);
  return wait_duty::park;
}

void descriptor::wait_end(direction which, wait_node& node) noexcept {
  const std::lock_guard guard(lock_);
  waiting_[index(which)].remove(node);
}

void descriptor::deliver(std::uint32_t events, std::uint32_t generation, wake_list& woken) noexcept {
  const std::lock_guard guard(lock_);
  if (generation_of(words_[0].load(std::memory_order_relaxed)) != generation) return;  // a stranger's
  if (const std::uint32_t stays = events & sticky_events_of_epoll) {
    // Before the words change: `drained_since` reads in the other order.
    const std::uint16_t known = sticky_.load(std::memory_order_relaxed);  // written under the lock only
    sticky_.store(static_cast<std::uint16_t>(known | stays), std::memory_order_relaxed);
  }
  if (events & lets_read) {
    advance(direction::read);
    waiting_[index(direction::read)].claim_all(outcome::woken, woken);
  }
  if (events & lets_write) {
    advance(direction::write);
    waiting_[index(direction::write)].claim_all(outcome::woken, woken);
  }
}

void descriptor::advance(direction which, attempt lives) noexcept {
  auto& word = words_[index(which)];
  const attempt now = word.load(std::memory_order_relaxed);
  auto edges = static_cast<std::uint32_t>(now) + 1;
  edges += !edges;  // zero is what `drained_` holds when there was no short read
  word.store(((now >> 32) + lives) << 32 | edges, std::memory_order_release);  // pairs with `about_to_try`
}

// Ends the life that was.
void descriptor::begin_life(std::uint16_t sticky, wake_list& woken) noexcept {
  sticky_.store(sticky, std::memory_order_relaxed);  // published by the words
  for (auto which : {direction::read, direction::write}) {
    advance(which, 1);
    waiting_[index(which)].claim_all(outcome::closed, woken);
  }
}

// As if something had been heard in both directions: whoever waits begins again at [fd-1].
void descriptor::wake_all_anew(wake_list& woken) noexcept {
  for (auto which : {direction::read, direction::write}) {
    advance(which);
    waiting_[index(which)].claim_all(outcome::woken, woken);
  }
}

// Deregisters; gives the lock up meanwhile.
void descriptor::let_go() noexcept {
  poller* const listening = poller_.load(std::memory_order_relaxed);
  if (!listening) return;
  poller_.store(nullptr, std::memory_order_relaxed);
  busy_ = true;
  lock_.unlock();
  listening->detach(*this);
  lock_.lock();
  busy_ = false;
}

// The lock, at a moment when nobody attaches or detaches: that takes others one system call, without a park.
void descriptor::lock_when_idle() noexcept {
  for (unsigned spins = 0;; ++spins) {
    lock_.lock();
    if (!busy_) return;
    lock_.unlock();
    relax(spins);
  }
}

void descriptor::settle_elsewhere(poller& mine, attempt seen) {
  lock_when_idle();
  std::unique_lock guard(lock_, std::adopt_lock);
  if (generation_of(words_[0].load(std::memory_order_relaxed)) != generation_of(seen)) return;
  poller* const before = poller_.load(std::memory_order_relaxed);
  if (before == &mine) return;
  const auto waits = static_cast<std::uint8_t>(elsewhere_.load(std::memory_order_relaxed) + 1);
  elsewhere_.store(before && waits < moves_after ? waits : std::uint8_t{0}, std::memory_order_relaxed);
  if (before && waits < moves_after) return;

  busy_ = true;
  guard.unlock();
  try {
    mine.attach(*this);
  } catch (...) {
    guard.lock();
    busy_ = false;
    if (before) return;  // where it is now it is heard too
    throw;
  }
  // Heard by both for a moment, rather than by none; an edge that is counted twice costs a retry.
  if (before) before->detach(*this);
  guard.lock();
  busy_ = false;
  poller_.store(&mine, std::memory_order_relaxed);
}

void descriptor::forget(const poller& gone) noexcept {
  wake_list woken;
  for (auto& entry : table) {
    chunk* const c = entry.load(std::memory_order_acquire);  // pairs with `make`
    if (!c) continue;
    for (descriptor& d : c->entries) {
      d.lock_when_idle();
      if (d.poller_.load(std::memory_order_relaxed) == &gone) {
        d.poller_.store(nullptr, std::memory_order_relaxed);
        d.wake_all_anew(woken);
      }
      d.lock_.unlock();
    }
  }
  woken.unpark_all();
}

// Nothing of the parent's is ours: its locks, its waiters, its registrations.
void descriptor::start_over() noexcept {
  const bool untouched = lock_.try_lock() && !busy_ && !is_kept() && borrowers_.load(std::memory_order_relaxed) == 0 &&
                         !asking_.load(std::memory_order_relaxed) && !poller_.load(std::memory_order_relaxed) &&
                         waiting_[0].empty() && waiting_[1].empty();
  if (!untouched) {
    for (auto& queue : waiting_) {
      std::destroy_at(&queue);
      std::construct_at(&queue);
    }
    poller_.store(nullptr, std::memory_order_relaxed);
    busy_ = false;
    borrowers_.store(0, std::memory_order_relaxed);
    asking_.store(false, std::memory_order_relaxed);
    kept_.store(false, std::memory_order_relaxed);
    wake_list nobody;
    begin_life(distrusted, nobody);
  }
  lock_.unlock();
}

}  // namespace weft::detail
