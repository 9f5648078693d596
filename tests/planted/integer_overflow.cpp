// SPDX-License-Identifier: BSL-1.0
// A fiber adds one to the greatest int.
#include <climits>
#include <weft/weft.hpp>

#include "planted/planted.hpp"

int planted::integer_overflow(bool bug) {
  return weft::run(
      [bug] {
        weft::this_fiber::yield();
        int value = bug ? INT_MAX : 0;
        *planted::hidden(&value) += 1;
        return value == 1 ? 0 : 1;
      },
      {.workers = 1});
}
