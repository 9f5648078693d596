// SPDX-License-Identifier: BSL-1.0
// read_hooked: what does a hooked read(2) cost a plain thread more than libc's own?
//
// hooks/read: a byte of a pipe that is ready, in many short rounds of both in turns; the shortest counts. hooks/more:
// the difference. hooks/instructions: by how many of the program's it is longer.
#include "support/instructions.hpp"
#include "support/report.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>
#include <weft/hooks.hpp>

namespace {

constexpr std::size_t reads = 200;  // a round: some 50 us, in which mostly nobody interrupts
constexpr int rounds = 2'000;

using read_function = ssize_t (*)(int, void*, std::size_t);

read_function read_of_libc() {
  void* const libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
  bench::expect(libc != nullptr, "libc is not there");
  const auto found = reinterpret_cast<read_function>(dlsym(libc, "read"));
  bench::expect(found && found != &::read && weft::hooks::enabled(), "the hooks are not there");
  return found;
}

class ready_pipe {
 public:
  ready_pipe() { bench::expect(pipe2(ends_, O_CLOEXEC) == 0, "pipe2"); }

  // Nanoseconds of each of `reads`.
  double round_of(read_function read_it) const {
    bench::expect(write(ends_[1], bytes_.data(), reads) == ssize_t(reads), "write");
    char byte;
    ssize_t got = 0;
    const bench::stopwatch watch;
    for (std::size_t i = 0; i < reads; ++i) got += read_it(ends_[0], &byte, 1);
    const double each = watch.nanoseconds() / reads;
    bench::expect(got == ssize_t(reads), "read");
    return each;
  }

  long instructions_of(read_function read_it) const {
    bench::expect(write(ends_[1], bytes_.data(), 1) == 1, "write");
    return bench::counted_instructions([&] {
      char byte;
      read_it(ends_[0], &byte, 1);
    });
  }

 private:
  int ends_[2];
  const std::string bytes_ = std::string(reads, 'x');
};

}  // namespace

int main() {
  const read_function hooked = &::read, unhooked = read_of_libc();
  const ready_pipe pipe;
  std::vector<double> with, without, more;
  for (int i = 0; i < bench::repeats; ++i) {
    double least_with = pipe.round_of(hooked), least_without = pipe.round_of(unhooked);
    for (int k = 0; k < rounds; ++k) {
      least_with = std::min(least_with, pipe.round_of(hooked));
      least_without = std::min(least_without, pipe.round_of(unhooked));
    }
    with.push_back(least_with);
    without.push_back(least_without);
    more.push_back(least_with - least_without);
  }
  bench::report("hooks/read", "weft", "ns", with);
  bench::report("hooks/read", "libc", "ns", without);
  bench::report("hooks/more", "weft", "ns", more);
  bench::report("hooks/instructions", "weft", "instr",
                {double(pipe.instructions_of(hooked) - pipe.instructions_of(unhooked))});
}
