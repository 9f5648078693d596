// SPDX-License-Identifier: BSL-1.0
// A stranger's program that nothing ties to weft-hooks but its command line: a sleep of libc's lets another fiber run.
#include <unistd.h>

#include <weft/weft.hpp>

int main() {
  if (usleep(1) != 0) return 2;  // on a plain thread, by the next definition
  bool others_ran = false;
  weft::run(
      [&] {
        auto other = weft::spawn([&] { others_ran = true; });
        usleep(1);
        if (!others_ran) _exit(1);
        other.join();
      },
      {.workers = 1});
  return 0;
}
