// SPDX-License-Identifier: BSL-1.0
// A stranger's program that nothing ties to weft-hooks but its command line, for what blocks is another library's: on a
// fiber its nap lets another fiber run.
#include <unistd.h>

#include <weft/weft.hpp>

extern "C" int nap();

int main() {
  if (nap() != 0) return 2;  // on a plain thread, by the next definition
  bool others_ran = false;
  weft::run(
      [&] {
        auto other = weft::spawn([&] { others_ran = true; });
        nap();
        if (!others_ran) _exit(1);
        other.join();
      },
      {.workers = 1});
  return 0;
}
