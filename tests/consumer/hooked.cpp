// SPDX-License-Identifier: BSL-1.0
// A stranger's program that nothing ties to weft-hooks but its command line, for what blocks is another library's. On one
// worker two fibers wait in it at once, each time by another call: one that is not hooked would hold the worker for ever.
#include <cstdio>
#include <thread>
#include <weft/weft.hpp>

extern "C" {
long hear_by_read(int from, unsigned long size);
long hear_by_recv(int from, unsigned long size);
long hear_by_recvfrom(int from, unsigned long size);
long hear_by_poll(int from, unsigned long count);
long hear_by_ppoll(int from, unsigned long count);
long hear_by_lock(int file, unsigned long);
int make_line(int* both);
int make_locked(int* both);
long say(int to);
long let_go(int file);
unsigned alarm(unsigned seconds);  // the program itself includes none of libc's headers
}

namespace {

// True if both of them waited, and then heard.
bool two_wait(int (*make)(int*), long (*hear)(int, unsigned long), long (*say)(int)) {
  int first[2], second[2];
  if (make(first) != 0 || make(second) != 0) return false;
  int waiting = 0, heard = 0;
  const auto listen = [&](int at) {
    ++waiting;
    heard += hear(at, 1) == 1;
  };
  auto one = weft::spawn([&] { listen(first[1]); });
  auto other = weft::spawn([&] { listen(second[1]); });
  while (waiting < 2) weft::this_fiber::yield();
  const bool both_waited = heard == 0;
  if (say(first[0]) != 1 || say(second[0]) != 1) return false;
  one.join();
  other.join();
  return both_waited && heard == 2;
}

// On a plain thread a call waits by the next definition.
bool a_thread_waits() {
  int line[2];
  if (make_line(line) != 0) return false;
  std::thread other([&] { say(line[0]); });
  const bool heard = hear_by_read(line[1], 1) == 1;
  other.join();
  return heard;
}

}  // namespace

int main() {
  alarm(20);
  if (!a_thread_waits()) return 2;
  constexpr struct {
    const char* name;
    int (*make)(int*);
    long (*hear)(int, unsigned long);
    long (*say)(int);
  } ways[] = {{"read", make_line, hear_by_read, say},         {"recv", make_line, hear_by_recv, say},
              {"recvfrom", make_line, hear_by_recvfrom, say}, {"poll", make_line, hear_by_poll, say},
              {"ppoll", make_line, hear_by_ppoll, say},       {"fcntl", make_locked, hear_by_lock, let_go}};
  return weft::run(
      [&] {
        int failed = 0;
        for (const auto& way : ways) {
          if (two_wait(way.make, way.hear, way.say)) continue;
          std::fprintf(stderr, "%s does not wait as it should\n", way.name);
          failed = 1;
        }
        return failed;
      },
      {.workers = 1});
}
