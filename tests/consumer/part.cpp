// SPDX-License-Identifier: BSL-1.0
// The second file of the stranger's program.
#include <weft/weft.hpp>

int doubled(int value) {
  return weft::spawn([value] { return 2 * value; }).join();
}
