// SPDX-License-Identifier: BSL-1.0
// What can fail beneath weft: one row for each function outside of it that it calls, and what that may say.
#pragma once

#include <array>
#include <cerrno>
#include <cstddef>
#include <string_view>

namespace weft::faults {

struct row {
  std::string_view name;      // as the linker knows it
  std::array<int, 5> errors;  // each is tried at several calls; zeros are no errors
  bool is_partial = false;    // it may also do a part of what was asked
  bool leaks = false;         // its failure leaves something behind which nobody could take back
};

inline constexpr std::string_view thread_start =
    "_ZNSt6thread15_M_start_threadESt10unique_ptrINS_6_StateESt14default_deleteIS1_EEPFvvE";

// Errors that only a bug of weft's own would bring about (EBADF, EFAULT, EINVAL of a good call) are not here.
inline constexpr row table[] = {
    // memory
    {"mmap64", {ENOMEM, EAGAIN}},
    {"munmap", {ENOMEM}, false, true},
    {"mprotect", {ENOMEM, EACCES}},
    {"munlock", {ENOMEM, EPERM}},
    {"madvise", {EINVAL, ENOMEM, EAGAIN}},
    {"aligned_alloc", {ENOMEM}},
    {"_Znwm", {ENOMEM}},
    {"_ZnwmSt11align_val_t", {ENOMEM}},
    {"_ZnwmRKSt9nothrow_t", {ENOMEM}},
    {"_ZnwmSt11align_val_tRKSt9nothrow_t", {ENOMEM}},
    // threads and signals
    {thread_start, {EAGAIN}},
    {"pthread_atfork", {ENOMEM}},
    {"sigaltstack", {ENOMEM, EPERM}},
    {"sigaction", {EINVAL}},
    {"sched_getaffinity", {EPERM, EINVAL}},
    {"syscall", {ENOSYS, EPERM, EINTR, EAGAIN}},
    // the poller
    {"epoll_create1", {EMFILE, ENFILE, ENOMEM}},
    {"eventfd", {EMFILE, ENFILE, ENOMEM, ENODEV}},
    {"epoll_ctl", {ENOMEM, ENOSPC}},
    {"epoll_pwait2", {EINTR, ENOSYS, EPERM}},
    {"epoll_wait", {EINTR}},
    {"poll", {EINTR, ENOMEM}},
    {"ppoll", {EINTR, ENOMEM}},
    // files
    {"open64", {ENOENT, EMFILE, ENFILE, EACCES}},
    {"read", {EINTR, EIO}, true},
    {"write", {EINTR, EAGAIN, EIO}, true},
    {"pipe2", {EMFILE, ENFILE}},
    {"close", {EINTR, EIO}},
    {"preadv64v2", {EINTR, EAGAIN, EOPNOTSUPP}, true},
    {"pwritev64v2", {EOPNOTSUPP, EIO}, true},
    {"pread64", {EINTR}, true},
    {"pwrite64", {ENOSPC}, true},
    {"ftruncate64", {EIO}},
    {"fsync", {EIO}},
    {"fdatasync", {EIO}},
    {"fstat64", {ENOMEM, EOVERFLOW}},
    {"lstat64", {ENOENT, EACCES}},
    {"unlink", {ENOENT, EACCES}},
    // sockets
    {"socket", {EMFILE, ENFILE, ENOBUFS, EAFNOSUPPORT, EACCES}},
    {"socketpair", {EMFILE, ENFILE, ENOMEM}},
    {"bind", {EADDRINUSE, EACCES, EADDRNOTAVAIL}},
    {"listen", {EADDRINUSE, EOPNOTSUPP}},
    {"accept4", {EINTR, EMFILE, ENFILE, ECONNABORTED, ENOBUFS}},
    {"connect", {EINTR, ECONNREFUSED, ETIMEDOUT, EADDRNOTAVAIL, ENETUNREACH}},
    {"getsockopt", {ENOBUFS, ENOPROTOOPT}},
    {"setsockopt", {ENOBUFS, ENOPROTOOPT}},
    {"getsockname", {ENOBUFS}},
    {"getpeername", {ENOBUFS, ENOTCONN}},
    {"recv", {EINTR, ECONNRESET, ENOMEM, ETIMEDOUT}, true},
    {"send", {EINTR, EPIPE, ECONNRESET, ENOBUFS, ENOMEM}, true},
    {"sendmsg", {EINTR, EPIPE, ECONNRESET, ENOBUFS}, true},
    {"sendto", {EINTR, ENOBUFS}},
    {"recvfrom", {EINTR, ECONNREFUSED}},
    {"shutdown", {ENOTCONN}},
    {"if_nametoindex", {ENODEV}},
    {"getaddrinfo", {EAGAIN, ENOMEM, EMFILE}},
};

// What weft calls besides and cannot see fail: it reports no error, or only such as a wrong call would get.
inline constexpr std::string_view harmless[] = {
    // memory and text
    "memchr",
    "memcmp",
    "memcpy",
    "memmove",
    "memset",
    "strcmp",
    "strlen",
    "strtol",
    "strtoul",
    "strtoull",
    "snprintf",
    "bcmp",
    "free",
    "inet_ntop",
    "inet_pton",
    // questions
    "__libc_single_threaded",  // a variable
    "dlsym",                   // WEFT_DEBUG=locks: whether a library was preloaded
    "getauxval",
    "getenv",
    "getpid",
    "gettid",
    "getrlimit64",
    "sysconf",
    "sysinfo",
    "fcntl64",
    "lseek64",
    "gai_strerror",
    "freeaddrinfo",
    "__sched_cpucount",
    "sigismember",
    // the bell that `signal_wait` rings: wrong arguments are its only errors
    "sem_init",
    "sem_post",
    "sem_wait",
    // of builds that are not optimized: what is inline elsewhere, and a branch of char_traits that only the compiler runs
    "_Znam",
    "__assert_fail",
    "htonl",
    "htons",
    "ntohl",
    "ntohs",
    "__errno_location",
    "pthread_self",
    // locks and signal sets
    "pthread_cond_clockwait",
    "pthread_mutex_lock",
    "pthread_mutex_trylock",
    "pthread_mutex_unlock",
    "pthread_once",
    "pthread_sigmask",
    "sigaddset",
    "sigdelset",
    "sigemptyset",
    "sigfillset",
    "sigpending",
    "sigtimedwait",
    "pthread_key_create",
    "__pthread_key_create",
    "sched_yield",
    // sleeps again when it is interrupted
    "nanosleep",
    // into a counter that is never full
    "eventfd_write",
    // where a fiber swallows its cancellation, for a line on stderr
    "backtrace",
    "dladdr",
    // last words
    "abort",
    "fprintf",
    "stderr",
    "__fprintf_chk",
    "raise",
    "_exit",
    "_Exit",
    "dprintf",
};

// What the runtimes of the compiler and of its sanitizers provide.
inline constexpr std::string_view runtime_prefixes[] = {
    "__cxa_",         "__gxx_",   "__once_",  "__dso_handle", "_GLOBAL_OFFSET_TABLE_", "_Unwind_",
    "__asan_",        "__tsan_",  "__ubsan_", "__sanitizer_", "__stack_chk_",          "__lsan_",
    "__tls_get_addr", "weft_",    "__gmon",   "__gcov",       "jump_fcontext",         "make_fcontext",
    "ontop_fcontext", "__start_", "__stop_",
};

inline constexpr std::size_t row_count = std::size(table);

constexpr std::size_t index_of(std::string_view name) {
  for (std::size_t i = 0; i < row_count; ++i) {
    if (table[i].name == name) return i;
  }
  throw "no such row";
}

}  // namespace weft::faults
