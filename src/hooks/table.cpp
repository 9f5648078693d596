// SPDX-License-Identifier: BSL-1.0
#include "hooks/table.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

// Of libc's own checked calls; the last but one argument, or the last, is the room that there is.
extern "C" {
ssize_t __read_chk(int, void*, size_t, size_t);
ssize_t __recv_chk(int, void*, size_t, size_t, int);
ssize_t __recvfrom_chk(int, void*, size_t, size_t, int, sockaddr*, socklen_t*);
int __poll_chk(pollfd*, nfds_t, int, size_t);
int __ppoll_chk(pollfd*, nfds_t, const timespec*, const sigset_t*, size_t);
int fcntl64(int, int, ...);
}

// The linker is told to want this name (`-u`), so that it keeps a library that no program refers to.
extern "C" {
extern const int weft_hooks_anchor;
const int weft_hooks_anchor = 1;
}

namespace weft::detail {
namespace {

template <auto Function> const auto at = reinterpret_cast<void (*)()>(Function);

const hook all_hooks[] = {
    {"sleep", behaviour::sleeps, at<&::sleep>},
    {"usleep", behaviour::sleeps, at<&::usleep>},
    {"nanosleep", behaviour::sleeps, at<&::nanosleep>},
    {"clock_nanosleep", behaviour::sleeps, at<&::clock_nanosleep>},
    {"thrd_sleep", behaviour::sleeps, at<&::thrd_sleep>},
    {"read", behaviour::waits, at<&::read>},
    {"__read_chk", behaviour::waits, at<&::__read_chk>},
    {"readv", behaviour::waits, at<&::readv>},
    {"write", behaviour::waits, at<&::write>},
    {"writev", behaviour::waits, at<&::writev>},
    {"recv", behaviour::waits, at<&::recv>},
    {"__recv_chk", behaviour::waits, at<&::__recv_chk>},
    {"recvfrom", behaviour::waits, at<&::recvfrom>},
    {"__recvfrom_chk", behaviour::waits, at<&::__recvfrom_chk>},
    {"recvmsg", behaviour::waits, at<&::recvmsg>},
    {"recvmmsg", behaviour::waits, at<&::recvmmsg>},
    {"send", behaviour::waits, at<&::send>},
    {"sendto", behaviour::waits, at<&::sendto>},
    {"sendmsg", behaviour::waits, at<&::sendmsg>},
    {"sendmmsg", behaviour::waits, at<&::sendmmsg>},
    {"connect", behaviour::waits, at<&::connect>},
    {"accept", behaviour::waits, at<&::accept>},
    {"accept4", behaviour::waits, at<&::accept4>},
    {"poll", behaviour::watches, at<&::poll>},
    {"__poll_chk", behaviour::watches, at<&::__poll_chk>},
    {"ppoll", behaviour::watches, at<&::ppoll>},
    {"__ppoll_chk", behaviour::watches, at<&::__ppoll_chk>},
    {"select", behaviour::watches, at<&::select>},
    {"pselect", behaviour::watches, at<&::pselect>},
    {"epoll_wait", behaviour::watches, at<&::epoll_wait>},
    {"epoll_pwait", behaviour::watches, at<&::epoll_pwait>},
    {"epoll_pwait2", behaviour::watches, at<&::epoll_pwait2>},
    {"getaddrinfo", behaviour::asks_elsewhere, at<&::getaddrinfo>},
    {"getnameinfo", behaviour::asks_elsewhere, at<&::getnameinfo>},
    {"gethostbyname", behaviour::asks_elsewhere, at<&::gethostbyname>},
    {"gethostbyname2", behaviour::asks_elsewhere, at<&::gethostbyname2>},
    {"gethostbyaddr", behaviour::asks_elsewhere, at<&::gethostbyaddr>},
    {"gethostbyname_r", behaviour::asks_elsewhere, at<&::gethostbyname_r>},
    {"gethostbyname2_r", behaviour::asks_elsewhere, at<&::gethostbyname2_r>},
    {"gethostbyaddr_r", behaviour::asks_elsewhere, at<&::gethostbyaddr_r>},
    {"system", behaviour::asks_elsewhere, at<&::system>},
    {"wait", behaviour::awaits_a_child, at<&::wait>},
    {"wait3", behaviour::awaits_a_child, at<&::wait3>},
    {"wait4", behaviour::awaits_a_child, at<&::wait4>},
    {"waitpid", behaviour::awaits_a_child, at<&::waitpid>},
    {"waitid", behaviour::awaits_a_child, at<&::waitid>},
    {"flock", behaviour::tries_again, at<&::flock>},
    {"lockf", behaviour::tries_again, at<&::lockf>},
    {"lockf64", behaviour::tries_again, at<&::lockf64>},
    {"close", behaviour::follows, at<&::close>},
    {"close_range", behaviour::follows, at<&::close_range>},
    {"closefrom", behaviour::follows, at<&::closefrom>},
    {"dup", behaviour::follows, at<&::dup>},
    {"dup2", behaviour::follows, at<&::dup2>},
    {"dup3", behaviour::follows, at<&::dup3>},
    {"fcntl", behaviour::follows, at<&::fcntl>},
    {"fcntl64", behaviour::follows, at<&::fcntl64>},
    {"ioctl", behaviour::follows, at<&::ioctl>},
    {"socket", behaviour::follows, at<&::socket>},
    {"socketpair", behaviour::follows, at<&::socketpair>},
    {"pipe", behaviour::follows, at<&::pipe>},
    {"pipe2", behaviour::follows, at<&::pipe2>},
    {"eventfd", behaviour::follows, at<&::eventfd>},
    {"timerfd_create", behaviour::follows, at<&::timerfd_create>},
    {"setsockopt", behaviour::follows, at<&::setsockopt>},
    {"vfork", behaviour::follows, at<&::vfork>},
    {"clone", behaviour::follows, at<&::clone>},
};

[[gnu::used]] const hooks_file* const files[] = {
    &children_hooks,   &children_within_hooks, &connect_hooks, &epoll_hooks,   &fcntl_hooks,
    &files_hooks,      &lives_hooks,           &names_hooks,   &options_hooks, &poll_hooks,
    &read_write_hooks, &receive_hooks,         &select_hooks,  &send_hooks,    &sleep_hooks};

}  // namespace

std::span<const hook> hooks_table() noexcept { return all_hooks; }

}  // namespace weft::detail
