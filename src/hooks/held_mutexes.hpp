// SPDX-License-Identifier: BSL-1.0
// Which pthread mutexes fibers hold: a table of a fixed size, since nothing may be allocated inside a lock.
//
// An entry belongs to whoever holds the mutex, so that nobody else writes it; others read it, hence the atomics. `worker`
// is written last and taken back first: who finds his own worker there reads what his own thread has written, for which
// relaxed is enough, and nobody uses the rest of another's. A mutex for which there is no room is not watched.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace weft::detail {

struct held_mutex {
  std::atomic<const pthread_mutex_t*> mutex{nullptr};  // null: the entry is free
  std::atomic<const void*> fiber{nullptr};
  std::atomic<const void*> worker{nullptr};
  std::atomic<const void*> caller{nullptr};  // who locked it
  std::atomic<std::uint64_t> turns{0};       // of the worker, when it did
  std::atomic<unsigned> depth{0};            // of a recursive one
};

class held_mutexes {
 public:
  // Null if nobody is known to hold it.
  [[nodiscard]] held_mutex* find(const pthread_mutex_t* of) noexcept {
    for (held_mutex& entry : row(of))
      if (entry.mutex.load(std::memory_order_relaxed) == of) return &entry;
    return nullptr;
  }
  // Null if there is no room. Its holder.
  [[nodiscard]] held_mutex* add(const pthread_mutex_t* of) noexcept {
    for (held_mutex& entry : row(of)) {
      const pthread_mutex_t* free = nullptr;
      if (entry.mutex.compare_exchange_strong(free, of, std::memory_order_relaxed)) return &entry;
    }
    return nullptr;
  }
  static void remove(held_mutex& entry) noexcept {
    entry.worker.store(nullptr, std::memory_order_relaxed);
    entry.mutex.store(nullptr, std::memory_order_relaxed);
  }

 private:
  static constexpr std::size_t rows = 1024, columns = 4;
  using row_type = held_mutex[columns];

  row_type& row(const pthread_mutex_t* of) noexcept {
    return table_[(reinterpret_cast<std::uintptr_t>(of) * 0x9e3779b97f4a7c15u) >> 54];
  }

  static_assert(rows == std::size_t{1} << (64 - 54));
  row_type table_[rows];
};

}  // namespace weft::detail
