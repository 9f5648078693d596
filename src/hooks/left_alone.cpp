// SPDX-License-Identifier: BSL-1.0
#include "hooks/left_alone.hpp"

namespace weft::detail {
namespace {

// The names of a row are parted by spaces. docs/hooks.md tells the same.
const left_alone all_left_alone[] = {
    {"pread pread64 preadv preadv64 preadv2 preadv64v2 __pread_chk __pread64_chk pwrite pwrite64 pwritev pwritev64 "
     "pwritev2 pwritev64v2",
     "for files with offsets, which are always ready; where a disk is slow, use `blocking()`"},
    {"sendfile sendfile64 splice tee vmsplice copy_file_range",
     "they wait for two files at once: they block the worker, unless the files are non-blocking"},
    {"open open64 openat openat64 creat creat64 __open_2 __open64_2 __openat_2 __openat64_2 open_by_handle_at",
     "nothing tells when an open will wait; what does wait, a FIFO whose other side nobody has opened, blocks the "
     "worker"},
    {"fread fwrite fgets fputs fclose fflush popen pclose fopen fopen64 fdopen freopen freopen64 __fread_chk "
     "__fread_unlocked_chk fread_unlocked fwrite_unlocked",
     "stdio calls parts of libc that cannot be hooked: it blocks the worker and loses nothing; `open_stream`"},
    {"shutdown getsockopt epoll_ctl epoll_create epoll_create1 eventfd_read eventfd_write",
     "they need no hook: they do not wait, or only on an eventfd (use `read`)"},
    {"fsync fdatasync syncfs sync msync sync_file_range",
     "they wait for a disk and block the worker, as reads and writes of regular files do; many a library calls them "
     "while it holds a lock; where a disk is slow, use `blocking()`"},
    {"pthread_mutex_lock pthread_mutex_timedlock pthread_mutex_clocklock __pthread_mutex_lock pthread_rwlock_rdlock "
     "pthread_rwlock_wrlock pthread_rwlock_timedrdlock pthread_rwlock_timedwrlock pthread_rwlock_clockrdlock "
     "pthread_rwlock_clockwrlock __pthread_rwlock_rdlock __pthread_rwlock_wrlock pthread_spin_lock pthread_once "
     "__pthread_once mtx_lock mtx_timedlock call_once flockfile",
     "locks of threads, for moments: a fiber that waits in a hooked call while it holds one can stop its worker"},
    {"pthread_cond_wait pthread_cond_timedwait pthread_cond_clockwait cnd_wait cnd_timedwait sem_wait sem_timedwait "
     "sem_clockwait pthread_barrier_wait pthread_join pthread_timedjoin_np pthread_clockjoin_np thrd_join",
     "they wait for threads and block the worker: weft's own primitives, or `blocking()`"},
    {"sigwait sigwaitinfo sigtimedwait sigsuspend sigpause pause __sigpause __xpg_sigpause __sigsuspend __sigtimedwait",
     "weft's threads take no signals: `signal_wait`"},
    {"msgrcv msgsnd __libc_msgrcv __libc_msgsnd semop semtimedop mq_receive mq_send mq_timedreceive mq_timedsend",
     "queues without a descriptor to wait for: `blocking()`"},
    {"aio_suspend aio_suspend64 aio_fsync aio_fsync64 aio_read aio_read64 aio_write aio_write64 gai_suspend "
     "getaddrinfo_a",
     "they have threads of their own"},
    {"tcdrain", "it waits for a device and blocks the worker"},
    {"res_send res_nsend res_query res_nquery res_search res_nsearch __res_send __res_nsend",
     "they call parts of libc that cannot be hooked: `blocking()`"},
    {"__read __read_nocancel __write __write_nocancel __close __close_nocancel __connect __recv __send __sendmmsg "
     "__poll __select __nanosleep __wait __waitpid __fcntl __libc_fcntl64 __fcntl_nocancel __dup2 __libc_system "
     "__libc_pread __libc_pread64 __libc_pwrite __pread64 __pread64_nocancel __pwrite64 __open __open64 "
     "__open_nocancel __open64_nocancel __pipe __socket __vfork __clone",
     "the names by which parts of libc call one another; no program is compiled to call them"},
};

}  // namespace

std::span<const left_alone> left_alone_table() noexcept { return all_left_alone; }

}  // namespace weft::detail
