// SPDX-License-Identifier: BSL-1.0
// The functions that stand between weft and what it calls. The linker puts them there (--wrap).
#include <fcntl.h>
#include <linux/futex.h>
#include <net/if.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstdlib>
#include <new>
#include <system_error>
#include <thread>

#include "faults/plan.hpp"
#include "faults/table.hpp"

static_assert(weft::faults::row_count <= weft::faults::most_rows);

using weft::faults::fails;
using weft::faults::index_of;

// A function that says -1 (or what is given) and errno.
#define BETWEEN_OR(failure, result, name, parameters, arguments) \
  extern "C" result __real_##name parameters;                    \
  extern "C" result __wrap_##name parameters {                   \
    constexpr std::size_t row = index_of(#name);                 \
    return fails(row) ? failure : __real_##name arguments;       \
  }
#define BETWEEN(name, parameters, arguments) BETWEEN_OR(-1, int, name, parameters, arguments)

BETWEEN_OR(MAP_FAILED, void*, mmap64, (void* a, std::size_t n, int p, int f, int fd, off64_t o), (a, n, p, f, fd, o))
BETWEEN(munmap, (void* a, std::size_t n), (a, n))
BETWEEN(mprotect, (void* a, std::size_t n, int p), (a, n, p))
BETWEEN(munlock, (const void* a, std::size_t n), (a, n))
BETWEEN(madvise, (void* a, std::size_t n, int what), (a, n, what))
BETWEEN_OR(nullptr, void*, aligned_alloc, (std::size_t alignment, std::size_t n), (alignment, n))
BETWEEN_OR(ENOMEM, int, pthread_atfork, (void (*a)(), void (*b)(), void (*c)()), (a, b, c))
BETWEEN(sigaltstack, (const stack_t* s, stack_t* old), (s, old))
BETWEEN(sigaction, (int n, const struct sigaction* s, struct sigaction* old), (n, s, old))
BETWEEN(sched_getaffinity, (pid_t p, std::size_t n, cpu_set_t* s), (p, n, s))
BETWEEN(epoll_create1, (int flags), (flags))
BETWEEN(eventfd, (unsigned n, int flags), (n, flags))
BETWEEN(epoll_ctl, (int e, int op, int fd, epoll_event* what), (e, op, fd, what))
BETWEEN(epoll_pwait2, (int e, epoll_event* out, int n, const timespec* t, const sigset_t* s), (e, out, n, t, s))
BETWEEN(epoll_wait, (int e, epoll_event* out, int n, int t), (e, out, n, t))
BETWEEN(poll, (pollfd * f, nfds_t n, int t), (f, n, t))
BETWEEN(ppoll, (pollfd * f, nfds_t n, const timespec* t, const sigset_t* s), (f, n, t, s))
BETWEEN(open64, (const char* path, int flags, mode_t mode), (path, flags, mode))
BETWEEN(pipe2, (int* ends, int flags), (ends, flags))
BETWEEN(fstat64, (int fd, struct stat64* out), (fd, out))
BETWEEN(lstat64, (const char* path, struct stat64* out), (path, out))
BETWEEN(unlink, (const char* path), (path))
BETWEEN(socket, (int family, int type, int protocol), (family, type, protocol))
BETWEEN(socketpair, (int family, int type, int protocol, int* ends), (family, type, protocol, ends))
BETWEEN(bind, (int fd, const sockaddr* a, socklen_t n), (fd, a, n))
BETWEEN(listen, (int fd, int backlog), (fd, backlog))
BETWEEN(accept4, (int fd, sockaddr* a, socklen_t* n, int flags), (fd, a, n, flags))
BETWEEN(connect, (int fd, const sockaddr* a, socklen_t n), (fd, a, n))
BETWEEN(getsockopt, (int fd, int level, int name, void* v, socklen_t* n), (fd, level, name, v, n))
BETWEEN(setsockopt, (int fd, int level, int name, const void* v, socklen_t n), (fd, level, name, v, n))
BETWEEN(getsockname, (int fd, sockaddr* a, socklen_t* n), (fd, a, n))
BETWEEN(getpeername, (int fd, sockaddr* a, socklen_t* n), (fd, a, n))
BETWEEN(shutdown, (int fd, int side), (fd, side))
BETWEEN_OR(0, unsigned, if_nametoindex, (const char* name), (name))
BETWEEN(ftruncate64, (int fd, off64_t size), (fd, size))
BETWEEN(fsync, (int fd), (fd))
BETWEEN(fdatasync, (int fd), (fd))

BETWEEN_OR(-1, ssize_t, sendto, (int fd, const void* p, std::size_t n, int flags, const sockaddr* a, socklen_t size),
           (fd, p, n, flags, a, size))
BETWEEN_OR(-1, ssize_t, recvfrom, (int fd, void* p, std::size_t n, int flags, sockaddr* a, socklen_t* size),
           (fd, p, n, flags, a, size))

// It has errors of its own.
int as_resolver(int error) noexcept {
  return error == ENOMEM ? EAI_MEMORY : error == EAGAIN ? EAI_AGAIN : error == ENOENT ? EAI_NONAME : EAI_SYSTEM;
}
BETWEEN_OR(as_resolver(errno), int, getaddrinfo,
           (const char* host, const char* service, const addrinfo* wanted, addrinfo** found),
           (host, service, wanted, found))

extern "C" ssize_t __wrap_recv(int fd, void* to, std::size_t n, int flags);
extern "C" ssize_t __wrap_send(int fd, const void* from, std::size_t n, int flags);
extern "C" ssize_t __wrap_write(int fd, const void* from, std::size_t n);
extern "C" ssize_t __wrap_read(int fd, void* to, std::size_t n);

// A futex that wakes cannot fail; one that waits may return early. Messages go this way past libc (net/calls_direct.hpp).
extern "C" long __real_syscall(long n, long a, long b, long c, long d, long e, long f);
extern "C" long __wrap_syscall(long n, long a, long b, long c, long d, long e, long f) {
  if (n == SYS_recvfrom) return __wrap_recv(int(a), reinterpret_cast<void*>(b), std::size_t(c), int(d));
  if (n == SYS_sendto) return __wrap_send(int(a), reinterpret_cast<const void*>(b), std::size_t(c), int(d));
  if (n == SYS_read) return __wrap_read(int(a), reinterpret_cast<void*>(b), std::size_t(c));
  if (n == SYS_write) return __wrap_write(int(a), reinterpret_cast<const void*>(b), std::size_t(c));
  constexpr std::size_t row = index_of("syscall");
  const bool wakes = n == SYS_futex && (b & FUTEX_CMD_MASK) == FUTEX_WAKE;
  return !wakes && fails(row) ? -1 : __real_syscall(n, a, b, c, d, e, f);
}

// The descriptor is gone whatever close says.
extern "C" int __real_close(int fd);
extern "C" int __wrap_close(int fd) {
  const int result = __real_close(fd);
  constexpr std::size_t row = index_of("close");
  return fails(row) ? -1 : result;
}

#define BETWEEN_PARTS(name, parameters, arguments)       \
  extern "C" ssize_t __real_##name parameters;           \
  extern "C" ssize_t __wrap_##name parameters {          \
    constexpr std::size_t row = index_of(#name);         \
    return fails(row, n) ? -1 : __real_##name arguments; \
  }

BETWEEN_PARTS(read, (int fd, void* to, std::size_t n), (fd, to, n))
BETWEEN_PARTS(pread64, (int fd, void* to, std::size_t n, off64_t at), (fd, to, n, at))
BETWEEN_PARTS(pwrite64, (int fd, const void* from, std::size_t n, off64_t at), (fd, from, n, at))

// A pipe that says EAGAIN although it could be read or written would never say when it can.
bool never_lies(int fd) noexcept {
  struct stat64 what;
  return weft::faults::planned_error() == EAGAIN && __real_fstat64(fd, &what) == 0 && S_ISFIFO(what.st_mode);
}

extern "C" ssize_t __real_write(int fd, const void* from, std::size_t n);
extern "C" ssize_t __wrap_write(int fd, const void* from, std::size_t n) {
  constexpr std::size_t row = index_of("write");
  return !never_lies(fd) && fails(row, n) ? -1 : __real_write(fd, from, n);
}

// One buffer each time.
#define BETWEEN_VECTORS(name)                                                                             \
  extern "C" ssize_t __real_##name(int fd, const iovec* parts, int count, off64_t at, int flags);         \
  extern "C" ssize_t __wrap_##name(int fd, const iovec* parts, int count, off64_t at, int flags) {        \
    constexpr std::size_t row = index_of(#name);                                                          \
    iovec part = *parts;                                                                                  \
    return !never_lies(fd) && fails(row, part.iov_len) ? -1 : __real_##name(fd, &part, count, at, flags); \
  }
BETWEEN_VECTORS(preadv64v2)
BETWEEN_VECTORS(pwritev64v2)

// TCP never gives less than it has, and weft counts on it; unix sockets may.
extern "C" ssize_t __real_recv(int fd, void* to, std::size_t n, int flags);
extern "C" ssize_t __wrap_recv(int fd, void* to, std::size_t n, int flags) {
  constexpr std::size_t row = index_of("recv");
  int domain = 0;
  socklen_t size = sizeof domain;
  const bool is_unix = __real_getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX;
  std::size_t less = n;
  if (fails(row, less)) return -1;
  return __real_recv(fd, to, is_unix ? less : n, flags);
}
BETWEEN_PARTS(send, (int fd, const void* from, std::size_t n, int flags), (fd, from, n, flags))

extern "C" ssize_t __real_sendmsg(int fd, const msghdr* what, int flags);
extern "C" ssize_t __wrap_sendmsg(int fd, const msghdr* what, int flags) {
  constexpr std::size_t row = index_of("sendmsg");
  std::size_t parts = what->msg_iovlen;
  if (fails(row, parts)) return -1;
  if (parts == what->msg_iovlen) return __real_sendmsg(fd, what, flags);
  msghdr less = *what;
  less.msg_iovlen = parts;
  return __real_sendmsg(fd, &less, flags);
}

#define BETWEEN_NEW(symbol, parameters, arguments, throws) \
  extern "C" void* __real_##symbol parameters;             \
  extern "C" void* __wrap_##symbol parameters {            \
    constexpr std::size_t row = index_of(#symbol);         \
    if (!fails(row)) return __real_##symbol arguments;     \
    if (throws) throw std::bad_alloc();                    \
    return nullptr;                                        \
  }

BETWEEN_NEW(_Znwm, (std::size_t n), (n), true)
BETWEEN_NEW(_ZnwmSt11align_val_t, (std::size_t n, std::size_t alignment), (n, alignment), true)
BETWEEN_NEW(_ZnwmRKSt9nothrow_t, (std::size_t n, const void* tag), (n, tag), false)
BETWEEN_NEW(_ZnwmSt11align_val_tRKSt9nothrow_t, (std::size_t n, std::size_t alignment, const void* tag),
            (n, alignment, tag), false)

// What the thread runs: private to newer libraries. It is a unique_ptr by value, hence the address of one that the caller
// destroys.
using thread_state = void*;
#define START_THREAD "_ZNSt6thread15_M_start_threadESt10unique_ptrINS_6_StateESt14default_deleteIS1_EEPFvvE"
void real_start(std::thread* self, thread_state state, void (*depend)()) asm("__real_" START_THREAD);
void wrapped_start(std::thread* self, thread_state state, void (*depend)()) asm("__wrap_" START_THREAD);
void wrapped_start(std::thread* self, thread_state state, void (*depend)()) {
  constexpr std::size_t row = index_of(START_THREAD);
  if (fails(row)) throw std::system_error(errno, std::generic_category(), "a thread cannot be started");
  real_start(self, state, depend);
}
