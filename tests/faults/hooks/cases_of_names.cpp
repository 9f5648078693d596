// SPDX-License-Identifier: BSL-1.0
// Calls that threads of the blocking pool make: questions for names, disks, a shell.
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>

#include "faults/hooks/trial.hpp"
#include "hooks/files.hpp"

namespace weft::faults::hooked {
namespace {

using test::fd;

// The errors of a resolver as -1 and errno; one that says nothing of what has failed beneath is none of these.
long from_resolver(int result) {
  if (result == 0) return 0;
  if (result != EAI_SYSTEM) errno = result == EAI_MEMORY ? ENOMEM : result == EAI_AGAIN ? EAGAIN : EPROTO;
  return -1;
}

long from_host(const hostent* found) {
  if (!found && h_errno != NETDB_INTERNAL) errno = EPROTO;
  return found && found->h_length == sizeof(in_addr) ? 0 : -1;
}

sockaddr_in here() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void find_addresses(trial& t) {
  addrinfo wanted{};
  wanted.ai_family = AF_INET;
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  t.make({.call = [&] { return from_resolver(::getaddrinfo("localhost", "80", &wanted, &found)); },
          .is_right =
              [&](long) {
                const bool is_right = found && found->ai_family == AF_INET;
                freeaddrinfo(std::exchange(found, nullptr));
                return is_right;
              }});
}

void find_a_name(trial& t) {
  const sockaddr_in address = here();
  std::array<char, NI_MAXHOST> name{};
  t.make({.call =
              [&] {
                return from_resolver(::getnameinfo(reinterpret_cast<const sockaddr*>(&address), sizeof address,
                                                   name.data(), name.size(), nullptr, 0, 0));
              },
          .is_right = [&](long) { return name[0] != '\0'; }});
}

void find_a_host(trial& t, const hostent* (*find)()) {
  t.make({.call = [find] { return from_host(find()); }});
}

// The same in memory of the caller's.
struct room {
  hostent host{};
  std::array<char, 4096> texts{};
  hostent* found = nullptr;
  int reason = 0;
};

void find_a_host(trial& t, int (*find)(room& into)) {
  room into;
  t.make({.call =
              [&] {
                into.found = nullptr;
                errno = find(into);
                return errno ? -1L : 0L;
              },
          .is_right = [&](long) { return into.found == &into.host && into.host.h_length == sizeof(in_addr); }});
}

const hostent* by_name() { return ::gethostbyname("localhost"); }
const hostent* by_name_of_family() { return ::gethostbyname2("localhost", AF_INET); }
const hostent* by_address() {
  const in_addr address = here().sin_addr;
  return ::gethostbyaddr(&address, sizeof address, AF_INET);
}
int by_name_into(room& r) {
  return ::gethostbyname_r("localhost", &r.host, r.texts.data(), r.texts.size(), &r.found, &r.reason);
}
int by_name_of_family_into(room& r) {
  return ::gethostbyname2_r("localhost", AF_INET, &r.host, r.texts.data(), r.texts.size(), &r.found, &r.reason);
}
int by_address_into(room& r) {
  const in_addr address = here().sin_addr;
  return ::gethostbyaddr_r(&address, sizeof address, AF_INET, &r.host, r.texts.data(), r.texts.size(), &r.found,
                           &r.reason);
}

void run_a_command(trial& t) {
  t.make({.call = [] { return std::system("exit 7"); }, .is_right = [](long status) { return status == 7 << 8; }});
}

const hooked_case all_of_names[] = {
    {"getaddrinfo", "", find_addresses},
    {"getnameinfo", "", find_a_name},
    {"gethostbyname", "", [](trial& t) { find_a_host(t, by_name); }},
    {"gethostbyname2", "", [](trial& t) { find_a_host(t, by_name_of_family); }},
    {"gethostbyaddr", "", [](trial& t) { find_a_host(t, by_address); }},
    {"gethostbyname_r", "", [](trial& t) { find_a_host(t, by_name_into); }},
    {"gethostbyname2_r", "", [](trial& t) { find_a_host(t, by_name_of_family_into); }},
    {"gethostbyaddr_r", "", [](trial& t) { find_a_host(t, by_address_into); }},
    {"system", "", run_a_command},
};

}  // namespace

const std::span<const hooked_case> cases_of_names = all_of_names;

}  // namespace weft::faults::hooked
