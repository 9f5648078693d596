// SPDX-License-Identifier: BSL-1.0
#include <weft/hooks/open_stream.hpp>

#include <fcntl.h>
#include <stdio_ext.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

namespace weft::hooks {
namespace {

int number_of(void* cookie) noexcept { return static_cast<int>(reinterpret_cast<std::intptr_t>(cookie)); }

ssize_t read_some(void* cookie, char* to, std::size_t size) { return ::read(number_of(cookie), to, size); }

// Fewer bytes than there were is how libc learns that it failed.
ssize_t write_all(void* cookie, const char* from, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t written = ::write(number_of(cookie), from + done, size - done);
    if (written <= 0) break;
    done += static_cast<std::size_t>(written);
  }
  return static_cast<ssize_t>(done);
}

int seek(void* cookie, off64_t* to, int from) {
  const off64_t at = ::lseek64(number_of(cookie), *to, from);
  if (at < 0) return -1;
  *to = at;
  return 0;
}

int close_it(void* cookie) { return ::close(number_of(cookie)); }

// What a mode says, in the form that libc knows; null if it says nothing.
const char* plain(const char* mode) noexcept {
  const bool both = *mode != '\0' && std::strchr(mode + 1, '+') != nullptr;
  switch (*mode) {
    case 'r':
      return both ? "r+" : "r";
    case 'w':
      return both ? "w+" : "w";
    case 'a':
      return both ? "a+" : "a";
    default:
      return nullptr;
  }
}

// Whether a file that was opened with these flags can be read and written as the mode says.
bool suits(int flags, const char* mode) noexcept {
  const int access = flags & O_ACCMODE;
  const bool both = mode[1] == '+';
  const bool reads = both || *mode == 'r', writes = both || *mode != 'r';
  return !(reads && access == O_WRONLY) && !(writes && access == O_RDONLY);
}

}  // namespace

std::FILE* open_stream(int fd, const char* mode) noexcept {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return nullptr;
  const char* const known = plain(mode);
  if (!known || !suits(flags, known)) {
    errno = EINVAL;
    return nullptr;
  }
  // As in fdopen(3) the file itself appends.
  if (*known == 'a' && !(flags & O_APPEND) && ::fcntl(fd, F_SETFL, flags | O_APPEND) < 0) return nullptr;
  const cookie_io_functions_t functions{&read_some, &write_all, &seek, &close_it};
  std::FILE* const made = ::fopencookie(reinterpret_cast<void*>(static_cast<std::intptr_t>(fd)), known, functions);
  if (made) ::__fsetlocking(made, FSETLOCKING_BYCALLER);
  return made;
}

}  // namespace weft::hooks
