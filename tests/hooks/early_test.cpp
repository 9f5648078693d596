// SPDX-License-Identifier: BSL-1.0
// Hooked functions work before main() begins and after it has returned.
#include <doctest/doctest.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>

namespace {

int in_constructor = -1;
[[gnu::constructor(101)]] void before_everything() {
  const timespec nothing{};
  in_constructor = nanosleep(&nothing, nullptr);
}

const int in_initialiser = usleep(1);

struct sleeper {
  ~sleeper() {
    if (usleep(1) != 0) std::abort();
  }
};
const sleeper at_exit;

}  // namespace

TEST_CASE("a hooked function that is called before main does what libc does") {
  CHECK(in_constructor == 0);
  CHECK(in_initialiser == 0);
  CHECK(std::atexit([] {
          if (usleep(1) != 0) std::abort();
        }) == 0);
}
