// SPDX-License-Identifier: BSL-1.0
// What libc exports: each function of a family that waits is in one of the two tables, so that a new variant is noticed.
#include <dlfcn.h>
#include <doctest/doctest.h>
#include <elf.h>
#include <link.h>

#include <cstring>
#include <set>
#include <string>
#include <string_view>

#include "hooks/left_alone.hpp"
#include "hooks/table.hpp"

namespace {

// Stems: a name without what distinguishes the members of a family.
const std::set<std::string_view> families = {"read",
                                             "readv",
                                             "pread",
                                             "preadv",
                                             "write",
                                             "writev",
                                             "pwrite",
                                             "pwritev",
                                             "recv",
                                             "recvfrom",
                                             "recvmsg",
                                             "recvmmsg",
                                             "send",
                                             "sendto",
                                             "sendmsg",
                                             "sendmmsg",
                                             "sendfile",
                                             "splice",
                                             "tee",
                                             "vmsplice",
                                             "copy_file_range",
                                             "connect",
                                             "accept",
                                             "close",
                                             "close_range",
                                             "closefrom",
                                             "dup",
                                             "fcntl",
                                             "ioctl",
                                             "open",
                                             "openat",
                                             "creat",
                                             "setsockopt",
                                             "getsockopt",
                                             "shutdown",
                                             "socket",
                                             "socketpair",
                                             "pipe",
                                             "eventfd",
                                             "timerfd_create",
                                             "poll",
                                             "ppoll",
                                             "select",
                                             "pselect",
                                             "epoll_wait",
                                             "epoll_pwait",
                                             "epoll_ctl",
                                             "sleep",
                                             "usleep",
                                             "nanosleep",
                                             "clock_nanosleep",
                                             "thrd_sleep",
                                             "wait",
                                             "waitpid",
                                             "waitid",
                                             "system",
                                             "popen",
                                             "pclose",
                                             "getaddrinfo",
                                             "getaddrinfo_a",
                                             "getnameinfo",
                                             "gethostbyname",
                                             "gethostbyaddr",
                                             "flock",
                                             "lockf",
                                             "fsync",
                                             "fdatasync",
                                             "sync",
                                             "syncfs",
                                             "msync",
                                             "sync_file_range",
                                             "fread",
                                             "fread_unlocked",
                                             "fwrite",
                                             "pthread_mutex_lock",
                                             "pthread_mutex_timedlock",
                                             "pthread_mutex_clocklock",
                                             "pthread_rwlock_rdlock",
                                             "pthread_rwlock_wrlock",
                                             "pthread_rwlock_timedrdlock",
                                             "pthread_rwlock_timedwrlock",
                                             "pthread_rwlock_clockrdlock",
                                             "pthread_rwlock_clockwrlock",
                                             "pthread_spin_lock",
                                             "mtx_lock",
                                             "mtx_timedlock",
                                             "pthread_cond_wait",
                                             "pthread_cond_timedwait",
                                             "pthread_cond_clockwait",
                                             "cnd_wait",
                                             "cnd_timedwait",
                                             "sem_wait",
                                             "sem_timedwait",
                                             "sem_clockwait",
                                             "pthread_barrier_wait",
                                             "pthread_join",
                                             "pthread_timedjoin",
                                             "pthread_clockjoin",
                                             "thrd_join",
                                             "sigwait",
                                             "sigwaitinfo",
                                             "sigtimedwait",
                                             "sigsuspend",
                                             "sigpause",
                                             "pause",
                                             "msgrcv",
                                             "msgsnd",
                                             "semop",
                                             "semtimedop",
                                             "mq_receive",
                                             "mq_send",
                                             "mq_timedreceive",
                                             "mq_timedsend",
                                             "aio_suspend",
                                             "gai_suspend",
                                             "tcdrain",
                                             "res_send",
                                             "res_nsend",
                                             "vfork",
                                             "clone"};

bool drop_end(std::string_view& name, std::string_view end) {
  if (!name.ends_with(end) || name.size() == end.size()) return false;
  name.remove_suffix(end.size());
  return true;
}

// read, __read_chk, __read_nocancel -> read; preadv64v2 -> preadv; gethostbyname2_r -> gethostbyname
std::string_view stem_of(std::string_view name) {
  while (name.starts_with('_')) name.remove_prefix(1);
  for (const std::string_view start : {"libc_", "xpg_"})
    if (name.starts_with(start)) name.remove_prefix(start.size());
  for (bool more = true; more;) {
    more = false;
    for (const std::string_view end : {"_chk", "_nocancel", "_r", "_np", "64v"}) more |= drop_end(name, end);
    while (name.size() > 1 && name.back() >= '0' && name.back() <= '9') name.remove_suffix(1), more = true;
    more |= drop_end(name, "_");  // of open_2
  }
  return name;
}

template <class T> T* dynamic_entry(const link_map* map, ElfW(Sxword) tag) {
  for (const ElfW(Dyn)* at = map->l_ld; at->d_tag != DT_NULL; ++at)
    if (at->d_tag == tag)  // relocated by the loader, on most processors
      return reinterpret_cast<T*>(at->d_un.d_ptr < map->l_addr ? at->d_un.d_ptr + map->l_addr : at->d_un.d_ptr);
  return nullptr;
}

// The symbols of a library, by its GNU hash table: the one place that says how many there are.
std::size_t symbols_in(const std::uint32_t* table) {
  const std::uint32_t buckets = table[0], first = table[1], words = table[2];
  const auto* const bucket = table + 4 + words * (sizeof(ElfW(Addr)) / sizeof(std::uint32_t));
  const auto* const chain = bucket + buckets;
  std::uint32_t last = 0;
  for (std::uint32_t i = 0; i < buckets; ++i) last = std::max(last, bucket[i]);
  if (last < first) return first;
  while (!(chain[last - first] & 1)) ++last;
  return last + 1;
}

std::set<std::string_view> functions_of_libc() {
  void* const libc = ::dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
  REQUIRE(libc != nullptr);
  link_map* map = nullptr;
  REQUIRE(::dlinfo(libc, RTLD_DI_LINKMAP, &map) == 0);
  const auto* const symbols = dynamic_entry<ElfW(Sym)>(map, DT_SYMTAB);
  const auto* const names = dynamic_entry<char>(map, DT_STRTAB);
  const auto* const hashes = dynamic_entry<std::uint32_t>(map, DT_GNU_HASH);
  REQUIRE(symbols != nullptr);
  REQUIRE(names != nullptr);
  REQUIRE(hashes != nullptr);
  std::set<std::string_view> all;
  for (std::size_t i = 0, count = symbols_in(hashes); i < count; ++i) {
    const ElfW(Sym)& symbol = symbols[i];
    const auto type = symbol.st_info & 0xf;
    if (symbol.st_shndx != SHN_UNDEF && (type == STT_FUNC || type == STT_GNU_IFUNC)) all.insert(names + symbol.st_name);
  }
  ::dlclose(libc);
  return all;
}

std::set<std::string_view> named_as_left_alone() {
  std::set<std::string_view> all;
  for (const auto& row : weft::detail::left_alone_table()) {
    for (std::string_view rest = row.names; !rest.empty();) {
      const auto space = std::min(rest.find(' '), rest.size());
      CHECK_MESSAGE(all.insert(rest.substr(0, space)).second, rest.substr(0, space), " stands twice");
      rest.remove_prefix(std::min(space + 1, rest.size()));
    }
  }
  return all;
}

}  // namespace

TEST_CASE("a name without what distinguishes the members of a family") {
  CHECK(stem_of("__read_chk") == "read");
  CHECK(stem_of("__pread64_nocancel") == "pread");
  CHECK(stem_of("preadv64v2") == "preadv");
  CHECK(stem_of("gethostbyname2_r") == "gethostbyname");
  CHECK(stem_of("epoll_pwait2") == "epoll_pwait");
  CHECK(stem_of("__openat64_2") == "openat");
  CHECK(stem_of("accept4") == "accept");
}

TEST_CASE("each function of libc that belongs to a family that waits is hooked, or named as left alone") {
  const auto alone = named_as_left_alone();
  std::set<std::string_view> hooked;
  for (const auto& row : weft::detail::hooks_table()) hooked.insert(row.name);
  std::size_t found = 0;
  for (const std::string_view name : functions_of_libc()) {
    if (!families.contains(stem_of(name))) continue;
    ++found;
    CHECK_MESSAGE((hooked.contains(name) || alone.contains(name)), name, " is neither hooked nor named as left alone");
  }
  CHECK(found > 100);  // else the list was not read
  for (const std::string_view name : alone) CHECK_MESSAGE(!hooked.contains(name), name, " is hooked");
}

TEST_CASE("each function that is hooked belongs to a family that is looked for") {
  for (const auto& row : weft::detail::hooks_table()) CHECK_MESSAGE(families.contains(stem_of(row.name)), row.name);
}
