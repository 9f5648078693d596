// SPDX-License-Identifier: BSL-1.0
// Names and addresses. No name server is asked: what the hosts file knows, and what nobody can know.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <string>
#include <utility>
#include <weft/hooks.hpp>
#include <weft/weft.hpp>

#include "hooks/files.hpp"
#include "hooks/stage.hpp"

using namespace weft::test;

namespace {

void note_addresses(transcript& says, addrinfo* found) {
  std::string text;
  for (const addrinfo* at = found; at; at = at->ai_next) {
    char host[NI_MAXHOST] = {}, service[NI_MAXSERV] = {};
    ::getnameinfo(at->ai_addr, at->ai_addrlen, host, sizeof host, service, sizeof service,
                  NI_NUMERICHOST | NI_NUMERICSERV);
    text += std::string(host) + ' ' + service + ' ' + std::to_string(at->ai_socktype) + ' ';
    if (at->ai_canonname) text += at->ai_canonname;
    text += "; ";
  }
  says.note(text);
  if (found) ::freeaddrinfo(found);
}

addrinfo hints_for(int flags) {
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags;
  return hints;
}

// What an answer leaves in errno differs from call to call: libc has opened files for it.
void forget_errno(transcript& says) {
  const std::string& line = says.lines().back();
  says.instead(line.substr(0, line.find(' ', line.find("= ") + 2)));
}

void note_host(transcript& says, const hostent* found) {
  if (!found) return says.note("h_errno " + std::to_string(h_errno));
  says.note(std::string(found->h_name) + ' ' + std::to_string(found->h_addrtype) + ' ' +
            std::to_string(found->h_length));
}

}  // namespace

WEFT_SCENARIO("a name is looked up, with a service or without") {
  addrinfo* found = nullptr;
  const addrinfo all = hints_for(0), canonical = hints_for(AI_CANONNAME), numeric = hints_for(AI_NUMERICHOST);
  WEFT_CALL(s.says(), getaddrinfo, "localhost", "80", &all, &found);
  forget_errno(s.says());
  note_addresses(s.says(), std::exchange(found, nullptr));
  WEFT_CALL(s.says(), getaddrinfo, "localhost", nullptr, &canonical, &found);
  forget_errno(s.says());
  note_addresses(s.says(), std::exchange(found, nullptr));
  WEFT_CALL(s.says(), getaddrinfo, "127.0.0.1", "8080", &numeric, &found);
  forget_errno(s.says());
  note_addresses(s.says(), std::exchange(found, nullptr));
  WEFT_CALL(s.says(), getaddrinfo, nullptr, "8080", &all, &found);
  forget_errno(s.says());
  note_addresses(s.says(), std::exchange(found, nullptr));
  WEFT_CALL(s.says(), getaddrinfo, "localhost", "no such service", &all, &found);
  s.says().instead(s.says().lines().back().substr(0, 16));  // and some errno
  const addrinfo wrong = hints_for(AI_CANONNAME | 0x4000'0000);
  WEFT_CALL(s.says(), getaddrinfo, "localhost", "80", &wrong, &found);
  forget_errno(s.says());
}

WEFT_SCENARIO("an address is looked up") {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(8080);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const auto* const address = reinterpret_cast<const sockaddr*>(&at);
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> service{};
  WEFT_CALL(s.says(), getnameinfo, address, sizeof at, host.data(), host.size(), service.data(), service.size(),
            NI_NUMERICSERV);
  forget_errno(s.says());
  s.says().note(std::string(host.data()) + ' ' + service.data());
  WEFT_CALL(s.says(), getnameinfo, address, sizeof at, host.data(), host.size(), nullptr, 0, 0);
  forget_errno(s.says());
  s.says().note(host.data());
  WEFT_CALL(s.says(), getnameinfo, address, sizeof at, host.data(), 3, nullptr, 0, 0);
  s.says().instead("a host that does not fit");
  WEFT_CALL(s.says(), getnameinfo, address, sizeof at, nullptr, 0, service.data(), service.size(), NI_NUMERICSERV);
  forget_errno(s.says());
  s.says().note(service.data());
  WEFT_CALL(s.says(), getnameinfo, address, 3, host.data(), host.size(), nullptr, 0, 0);
  forget_errno(s.says());
}

WEFT_SCENARIO("the questions of old are answered into memory of libc's") {
  in_addr loopback{htonl(INADDR_LOOPBACK)};
  const hostent* found = WEFT_CALL(s.says(), gethostbyname, "localhost");
  forget_errno(s.says());
  note_host(s.says(), found);
  found = WEFT_CALL(s.says(), gethostbyname2, "localhost", AF_INET);
  forget_errno(s.says());
  note_host(s.says(), found);
  found = WEFT_CALL(s.says(), gethostbyaddr, &loopback, sizeof loopback, AF_INET);
  forget_errno(s.says());
  note_host(s.says(), found);
  WEFT_CALL(s.says(), gethostbyname, "");
  s.says().instead(std::string("h_errno ") + std::to_string(h_errno));
}

WEFT_SCENARIO("the questions of old are answered into memory of the caller's") {
  in_addr loopback{htonl(INADDR_LOOPBACK)};
  hostent into{};
  hostent* found = nullptr;
  int reason = 0;
  std::array<char, 8192> room;
  WEFT_CALL(s.says(), gethostbyname_r, "localhost", &into, room.data(), room.size(), &found, &reason);
  forget_errno(s.says());
  note_host(s.says(), found);
  WEFT_CALL(s.says(), gethostbyname2_r, "localhost", AF_INET, &into, room.data(), room.size(), &found, &reason);
  forget_errno(s.says());
  note_host(s.says(), found);
  WEFT_CALL(s.says(), gethostbyaddr_r, &loopback, sizeof loopback, AF_INET, &into, room.data(), room.size(), &found,
            &reason);
  forget_errno(s.says());
  note_host(s.says(), found);
  WEFT_CALL(s.says(), gethostbyname_r, "localhost", &into, room.data(), 3, &found, &reason);
  s.says().instead(s.says().lines().back().substr(0, 20));
}

TEST_CASE("a question is not asked by a fiber that is cancelled") {
  weft::run([] {
    weft::with_scope([](weft::scope& all) {
      all.cancel();
      addrinfo* found = nullptr;
      errno = 0;
      CHECK(::getaddrinfo("localhost", "80", nullptr, &found) == EAI_SYSTEM);
      CHECK(errno == ECANCELED);
      CHECK(found == nullptr);
      CHECK(::gethostbyname("localhost") == nullptr);
      CHECK(h_errno == NETDB_INTERNAL);
      CHECK(errno == ECANCELED);
      hostent into{};
      hostent* host = &into;
      int reason = 0;
      char room[1024];
      CHECK(::gethostbyname_r("localhost", &into, room, sizeof room, &host, &reason) == ECANCELED);
      CHECK(host == nullptr);
    });
  });
}
