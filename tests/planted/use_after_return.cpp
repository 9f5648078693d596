// SPDX-License-Identifier: BSL-1.0
// A fiber reads the frame of a function that another fiber, parked now, has returned from.
#include <weft/weft.hpp>

#include "planted/planted.hpp"

namespace {

[[gnu::noinline]] int* address_of_a_local() {
  int local = 42;
  return planted::hidden(&local);
}

}  // namespace

int planted::use_after_return(bool bug) {
  return weft::run(
      [bug] {
        int* shown = nullptr;
        bool seen = false;
        auto owner = weft::spawn([&] {
          int alive = 42;
          shown = bug ? address_of_a_local() : planted::hidden(&alive);
          while (!seen) weft::this_fiber::yield();
        });
        auto reader = weft::spawn([&] {
          while (shown == nullptr) weft::this_fiber::yield();
          const int value = *shown;
          seen = true;
          return value;
        });
        const int value = reader.join();
        owner.join();
        return value == 42 ? 0 : 1;
      },
      {.workers = 1});
}
