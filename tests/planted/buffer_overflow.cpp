// SPDX-License-Identifier: BSL-1.0
// A fiber writes behind the end of an array on its stack.
#include <weft/weft.hpp>

#include "planted/planted.hpp"

int planted::buffer_overflow(bool bug) {
  return weft::run(
      [bug] {
        weft::this_fiber::yield();
        int array[16] = {};
        int* begin = planted::hidden(&array[0]);
        begin[bug ? 16 : 15] = 42;
        return *planted::hidden(&array[0]);
      },
      {.workers = 1});
}
