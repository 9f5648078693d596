// SPDX-License-Identifier: BSL-1.0
// The functions that stand between the hooks and what they call: some where dlsym(3) answers, some put there by the linker
// (--wrap).
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <array>
#include <atomic>
#include <new>
#include <system_error>
#include <thread>

#include "faults/hooks/table.hpp"
#include "faults/plan.hpp"

namespace weft::faults::hooked {
namespace {

static_assert(row_count <= most_rows);

// All that is called here takes words, at most that many, and returns one: a function is called alike whatever it is.
using word = long;
using function = word (*)(word, word, word, word, word, word, word, word);

constinit std::array<std::atomic<function>, row_count> behind{};  // relaxed: they are always the same

word as_resolver_error(int error) noexcept {
  return error == ENOMEM ? EAI_MEMORY : error == EAGAIN ? EAI_AGAIN : EAI_SYSTEM;
}

word failure(says how) noexcept {
  switch (how) {
    case says::null:
      h_errno = NETDB_INTERNAL;
      return 0;
    case says::resolver_error:
      return as_resolver_error(errno);
    case says::error:
      return errno;
    default:
      return -1;
  }
}

// Not where it is asked for flags, or sets them.
bool can_fail(std::size_t row, word command) noexcept {
  if (row != index_of("fcntl") && row != index_of("fcntl64")) return true;
  return command == F_DUPFD || command == F_DUPFD_CLOEXEC || command == F_SETLK || command == F_OFD_SETLK;
}

template <std::size_t Row> word stand_in(word a, word b, word c, word d, word e, word f, word g, word h) noexcept {
  const function next = behind[Row].load(std::memory_order_relaxed);
  if constexpr (table[Row].how == says::too_late) {
    const word result = next(a, b, c, d, e, f, g, h);
    return fails(Row) ? -1 : result;
  }
  return can_fail(Row, b) && fails(Row) ? failure(table[Row].how) : next(a, b, c, d, e, f, g, h);
}

template <std::size_t... Rows>
constexpr std::array<function, row_count> all_stand_ins(std::index_sequence<Rows...>) noexcept {
  return {&stand_in<Rows>...};
}
constexpr auto stand_ins = all_stand_ins(std::make_index_sequence<row_count>());

}  // namespace
}  // namespace weft::faults::hooked

using weft::faults::fails;
using weft::faults::hooked::index_of;

extern "C" {

void* __real_dlsym(void* handle, const char* name);
void* __wrap_dlsym(void* handle, const char* name) {
  using namespace weft::faults::hooked;
  void* const found = __real_dlsym(handle, name);
  const std::size_t row = handle == RTLD_NEXT && found ? find_row(name) : row_count;
  if (row == row_count || table[row].by != reached::as_next) return found;
  behind[row].store(reinterpret_cast<function>(found), std::memory_order_relaxed);
  return reinterpret_cast<void*>(stand_ins[row]);
}

// To take a number off always works.
int __real_epoll_ctl(int poller, int command, int fd, epoll_event* what);
int __wrap_epoll_ctl(int poller, int command, int fd, epoll_event* what) {
  const bool fails_now = command != EPOLL_CTL_DEL && fails(index_of("epoll_ctl"));
  return fails_now ? -1 : __real_epoll_ctl(poller, command, fd, what);
}

int __real_getsockopt(int fd, int level, int name, void* value, socklen_t* size);
int __wrap_getsockopt(int fd, int level, int name, void* value, socklen_t* size) {
  return fails(index_of("getsockopt")) ? -1 : __real_getsockopt(fd, level, name, value, size);
}

int __real_getpeername(int fd, sockaddr* address, socklen_t* size);
int __wrap_getpeername(int fd, sockaddr* address, socklen_t* size) {
  return fails(index_of("getpeername")) ? -1 : __real_getpeername(fd, address, size);
}

// Messages go this way past libc (net/calls_direct.hpp).
long __real_syscall(long number, long a, long b, long c, long d, long e, long f);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f) {
  const bool fails_now = (number == SYS_pidfd_open && fails(index_of("pidfd_open"))) ||
                         (number == SYS_recvfrom && fails(index_of("recv"))) ||
                         (number == SYS_sendto && fails(index_of("send")));
  return fails_now ? -1 : __real_syscall(number, a, b, c, d, e, f);
}

void* __real__Znwm(std::size_t size);
void* __wrap__Znwm(std::size_t size) {
  if (fails(index_of("_Znwm"))) throw std::bad_alloc();
  return __real__Znwm(size);
}

void* __real__ZnwmSt11align_val_t(std::size_t size, std::size_t alignment);
void* __wrap__ZnwmSt11align_val_t(std::size_t size, std::size_t alignment) {
  if (fails(index_of("_ZnwmSt11align_val_t"))) throw std::bad_alloc();
  return __real__ZnwmSt11align_val_t(size, alignment);
}

void* __real__ZnamRKSt9nothrow_t(std::size_t size, const void* tag);
void* __wrap__ZnamRKSt9nothrow_t(std::size_t size, const void* tag) {
  return fails(index_of("_ZnamRKSt9nothrow_t")) ? nullptr : __real__ZnamRKSt9nothrow_t(size, tag);
}

}  // extern "C"

// What the thread runs: private to newer libraries. It is a unique_ptr by value, hence the address of one that the caller
// destroys.
using thread_state = void*;
#define START_THREAD "_ZNSt6thread15_M_start_threadESt10unique_ptrINS_6_StateESt14default_deleteIS1_EEPFvvE"
void real_start(std::thread* self, thread_state state, void (*depend)()) asm("__real_" START_THREAD);
void wrapped_start(std::thread* self, thread_state state, void (*depend)()) asm("__wrap_" START_THREAD);
void wrapped_start(std::thread* self, thread_state state, void (*depend)()) {
  if (fails(index_of(START_THREAD))) throw std::system_error(errno, std::generic_category(), "a thread");
  real_start(self, state, depend);
}
