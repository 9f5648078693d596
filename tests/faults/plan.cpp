// SPDX-License-Identifier: BSL-1.0
#include "faults/plan.hpp"

#include <array>
#include <atomic>
#include <cerrno>

namespace weft::faults {
namespace {

// Relaxed throughout: the plan is made before the threads, the counts are read after them.
plan current;
std::atomic<bool> armed{false};
std::array<std::atomic<std::size_t>, most_rows> calls{};
std::atomic<std::size_t> struck{0};
thread_local int sparing = 0;

bool is_struck(std::size_t row) noexcept {
  if (!armed.load(std::memory_order_acquire) || sparing > 0) return false;  // pairs with `arm`
  const std::size_t number = calls[row].fetch_add(1, std::memory_order_relaxed) + 1;
  if (row != current.row || number < current.call) return false;
  if (current.manner == how::once && number != current.call) return false;
  if (current.manner == how::storm && (number - current.call) % 10 == 9) return false;
  struck.fetch_add(1, std::memory_order_relaxed);
  return true;
}

}  // namespace

void arm(const plan& what) noexcept {
  current = what;
  for (auto& c : calls) c.store(0, std::memory_order_relaxed);
  struck.store(0, std::memory_order_relaxed);
  armed.store(true, std::memory_order_release);  // pairs with `is_struck`
}

void disarm() noexcept { armed.store(false, std::memory_order_release); }

std::size_t calls_of(std::size_t row) noexcept { return calls[row].load(std::memory_order_relaxed); }

std::size_t strikes() noexcept { return struck.load(std::memory_order_relaxed); }

bool fails(std::size_t row) noexcept {
  if (!is_struck(row) || current.manner == how::part) return false;
  errno = current.error;
  return true;
}

bool fails(std::size_t row, std::size_t& size) noexcept {
  if (!is_struck(row)) return false;
  if (current.manner == how::part) {
    size = (size + 99) / 100;  // byte by byte, a letter takes 150,000 system calls and seconds
    return false;
  }
  errno = current.error;
  return true;
}

int planned_error() noexcept { return current.error; }

spared::spared() noexcept { ++sparing; }
spared::~spared() { --sparing; }

}  // namespace weft::faults
