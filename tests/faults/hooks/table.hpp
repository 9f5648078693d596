// SPDX-License-Identifier: BSL-1.0
// What can fail beneath a hooked call: a row for each function that the hooks, or weft on their behalf, call there.
//
// Not here: what makes a runtime's poller (`test_faults` has it; no hooked call comes before it), and fstat(2) and fcntl(2)
// asked for flags, which fail for no number that is open.
#pragma once

#include <array>
#include <cerrno>
#include <cstddef>
#include <string_view>

namespace weft::faults::hooked {

// How a function says that it failed.
enum class says : unsigned char {
  minus_one,
  null,            // and h_errno
  resolver_error,  // EAI_SYSTEM and its kin
  error,           // an errno
  too_late,        // -1, when it is done all the same
};

// By which way it is reached.
enum class reached : unsigned char {
  as_next,   // the hooks ask dlsym(3) for the definition behind theirs
  by_linker  // --wrap
};

struct row {
  std::string_view name;      // as the linker knows it
  std::array<int, 4> errors;  // zeros are no errors
  says how = says::minus_one;
  reached by = reached::as_next;
  bool is_hidden = false;  // there is another way, or another try: the hooked call never fails by this
};

inline constexpr std::string_view starts_a_thread =
    "_ZNSt6thread15_M_start_threadESt10unique_ptrINS_6_StateESt14default_deleteIS1_EEPFvvE";

inline constexpr row table[] = {
    // the poller, memory, threads
    {"epoll_ctl", {ENOMEM, ENOSPC}, says::minus_one, reached::by_linker, true},
    {"epoll_wait", {EINTR}},
    {"epoll_pwait2", {EINTR, ENOSYS}},
    {"_Znwm", {ENOMEM}, says::minus_one, reached::by_linker},
    {"_ZnwmSt11align_val_t", {ENOMEM}, says::minus_one, reached::by_linker},
    {"_ZnamRKSt9nothrow_t", {ENOMEM}, says::minus_one, reached::by_linker},
    {starts_a_thread, {EAGAIN}, says::minus_one, reached::by_linker},
    {"pidfd_open", {ENOSYS, EMFILE, ENFILE, ENOMEM}, says::minus_one, reached::by_linker, true},
    // files
    {"readv", {EINTR, EIO}},
    {"writev", {EINTR, EIO, ENOSPC}},
    {"preadv2", {EINTR, EOPNOTSUPP, EIO}},
    {"pwritev2", {EINTR, EOPNOTSUPP, EPIPE}},
    {"poll", {EINTR, ENOMEM}},
    {"select", {EINTR, ENOMEM}},
    {"flock", {EINTR, EWOULDBLOCK, ENOLCK}},
    {"lockf", {EINTR, EAGAIN, ENOLCK}},
    {"lockf64", {EINTR, EACCES, ENOLCK}},
    // sockets
    {"connect", {EINTR, ECONNREFUSED, ENETUNREACH, ETIMEDOUT}},
    {"accept", {EINTR, EMFILE, ECONNABORTED, ENOBUFS}},
    {"accept4", {EINTR, ENFILE, ECONNABORTED, ENOMEM}},
    {"recv", {EINTR, ECONNRESET, ENOMEM, ETIMEDOUT}},
    {"recvfrom", {EINTR, ECONNREFUSED, ENOMEM}},
    {"recvmsg", {EINTR, ECONNRESET, ENOMEM, EMFILE}},
    {"send", {EINTR, EPIPE, ECONNRESET, ENOBUFS}},
    {"sendmsg", {EINTR, EPIPE, ENOBUFS, ENOMEM}},
    {"getsockopt", {ENOBUFS}, says::minus_one, reached::by_linker},
    {"getpeername", {ENOBUFS}, says::minus_one, reached::by_linker},
    {"setsockopt", {ENOMEM}},
    // names
    {"getaddrinfo", {EAGAIN, ENOMEM, EMFILE}, says::resolver_error},
    {"getnameinfo", {EAGAIN, ENOMEM, EMFILE}, says::resolver_error},
    {"gethostbyname", {EMFILE}, says::null},
    {"gethostbyname2", {EMFILE}, says::null},
    {"gethostbyaddr", {EMFILE}, says::null},
    {"gethostbyname_r", {EMFILE, ERANGE}, says::error},
    {"gethostbyname2_r", {EMFILE, ERANGE}, says::error},
    {"gethostbyaddr_r", {EMFILE, ERANGE}, says::error},
    // children
    {"wait4", {EINTR}},
    {"waitid", {EINTR}},
    {"system", {EAGAIN, ENOMEM}},
    {"clone", {EAGAIN, ENOMEM}},
    // numbers
    {"close", {EINTR, EIO}, says::too_late},
    {"close_range", {EMFILE, ENOMEM}},
    {"dup", {EMFILE}},
    {"dup2", {EBUSY, EINTR}},
    {"dup3", {EBUSY, EINTR}},
    {"fcntl", {EINTR, EMFILE, ENOLCK}},
    {"fcntl64", {EINTR, EMFILE, ENOLCK}},
    {"ioctl", {ENOTTY}},
    {"socket", {EMFILE, ENFILE, ENOBUFS, EACCES}},
    {"socketpair", {EMFILE, ENFILE, ENOMEM}},
    {"pipe", {EMFILE, ENFILE}},
    {"pipe2", {EMFILE, ENFILE}},
    {"eventfd", {EMFILE, ENFILE, ENOMEM}},
    {"timerfd_create", {EMFILE, ENFILE, ENOMEM}},
};

inline constexpr std::size_t row_count = std::size(table);

// `row_count` if there is none.
constexpr std::size_t find_row(std::string_view name) noexcept {
  for (std::size_t i = 0; i < row_count; ++i) {
    if (table[i].name == name) return i;
  }
  return row_count;
}

consteval std::size_t index_of(std::string_view name) {
  const std::size_t found = find_row(name);
  return found < row_count ? found : throw "no such row";
}

}  // namespace weft::faults::hooked
