// SPDX-License-Identifier: BSL-1.0
// A stranger's library whose calls wait, compiled as distributions compile theirs: _FORTIFY_SOURCE calls what checks the
// room, and _FILE_OFFSET_BITS=64 takes other names.
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>

// Each waits for a byte, by a call whose size or count the compiler cannot know.
extern "C" {

long hear_by_read(int from, unsigned long size) {
  char room[8];
  return read(from, room, size);
}

long hear_by_recv(int from, unsigned long size) {
  char room[8];
  return recv(from, room, size, 0);
}

long hear_by_recvfrom(int from, unsigned long size) {
  char room[8];
  return recvfrom(from, room, size, 0, nullptr, nullptr);
}

long hear_by_poll(int from, unsigned long count) {
  pollfd files[2] = {{from, POLLIN, 0}, {-1, 0, 0}};
  return poll(files, count, -1);
}

long hear_by_ppoll(int from, unsigned long count) {
  pollfd files[2] = {{from, POLLIN, 0}, {-1, 0, 0}};
  return ppoll(files, count, nullptr, nullptr);
}

int make_line(int* both) { return socketpair(AF_UNIX, SOCK_STREAM, 0, both); }

long say(int to) { return write(to, "x", 1); }

// A file that two have opened, the first of whom has locked it.
int make_locked(int* both) {
  std::FILE* const file = std::tmpfile();
  if (!file) return -1;
  char name[64];
  std::snprintf(name, sizeof name, "/proc/self/fd/%d", fileno(file));
  both[0] = fileno(file);
  both[1] = open(name, O_RDWR);
  struct flock whole {};
  whole.l_type = F_WRLCK;
  return both[1] < 0 ? -1 : fcntl(both[0], F_OFD_SETLK, &whole);
}

// Waits until the other lets go.
long hear_by_lock(int file, unsigned long) {
  struct flock whole {};
  whole.l_type = F_WRLCK;
  return fcntl(file, F_OFD_SETLKW, &whole) == 0 ? 1 : -1;
}

long let_go(int file) {
  struct flock whole {};
  whole.l_type = F_UNLCK;
  return fcntl(file, F_OFD_SETLK, &whole) == 0 ? 1 : -1;
}

}  // extern "C"
