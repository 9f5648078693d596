// SPDX-License-Identifier: BSL-1.0
// Runnables that are only numbers, for the tests of queues.
#pragma once

#include <weft/detail/run/runnable.hpp>

#include <array>
#include <weft/detail/run/fifo.hpp>

namespace weft::test {

struct fake_runnable : detail::runnable {
  fake_runnable() : runnable([](runnable&) noexcept {}) {}

  int number = 0;  // plain on purpose: TSan sees a queue that does not publish what it hands over
};

struct numbered : std::array<fake_runnable, 8> {
  numbered() {
    for (int i = 0; i < 8; ++i) (*this)[i].number = i;
  }
};

inline fake_runnable* fake(detail::runnable* r) { return static_cast<fake_runnable*>(r); }

// The number of the front one, which it takes out; -1 when empty.
inline int pop_number(detail::fifo& queue) {
  detail::runnable* const r = queue.pop_front();
  return r ? fake(r)->number : -1;
}

}  // namespace weft::test
