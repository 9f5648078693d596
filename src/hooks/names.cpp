// SPDX-License-Identifier: BSL-1.0
// getaddrinfo(3) and its relatives: asked by a thread of the blocking pool, since libc's resolver waits in calls of its own
// that cannot be hooked.
//
// The questions of today own what they use, so a fiber that is cancelled leaves at once and the answer is thrown away when
// it comes. Those of old (gethostbyname(3) and theirs), which answer into memory of the caller's or of libc's, are waited
// for.
#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <weft/fiber/blocking.hpp>

#include "base/own_process.hpp"
#include "hooks/caller.hpp"
#include "hooks/elsewhere.hpp"
#include "hooks/next.hpp"
#include "hooks/table.hpp"

namespace weft::detail {

namespace next {
constexpr next_function<"getaddrinfo", int(const char*, const char*, const addrinfo*, addrinfo**)> getaddrinfo;
constexpr next_function<"getnameinfo", int(const sockaddr*, socklen_t, char*, socklen_t, char*, socklen_t, int)>
    getnameinfo;
constexpr next_function<"gethostbyname", hostent*(const char*)> gethostbyname;
constexpr next_function<"gethostbyname2", hostent*(const char*, int)> gethostbyname2;
constexpr next_function<"gethostbyaddr", hostent*(const void*, socklen_t, int)> gethostbyaddr;
constexpr next_function<"gethostbyname_r", int(const char*, hostent*, char*, size_t, hostent**, int*)> gethostbyname_r;
constexpr next_function<"gethostbyname2_r", int(const char*, int, hostent*, char*, size_t, hostent**, int*)>
    gethostbyname2_r;
constexpr next_function<"gethostbyaddr_r", int(const void*, socklen_t, int, hostent*, char*, size_t, hostent**, int*)>
    gethostbyaddr_r;
}  // namespace next

namespace {

// A child of vfork(2) asks by itself: it must not park, since it would run its parent's fibers.
[[nodiscard]] control_block* asking_fiber() noexcept {
  control_block* const self = hooked_fiber();
  return self && is_own_process() ? self : nullptr;
}

[[nodiscard]] bool is_numeric(const char* name) noexcept {
  in6_addr room;
  return inet_pton(AF_INET, name, &room) == 1 || inet_pton(AF_INET6, name, &room) == 1;
}

// How a question of today ends that was not answered.
int refused(opaque_call& call, int error) noexcept {
  if (error == ENOMEM) return EAI_MEMORY;
  static_cast<void>(call.returns(error, 0));
  return EAI_SYSTEM;
}

std::optional<std::string> copy_of(const char* text) { return text ? std::optional<std::string>(text) : std::nullopt; }

struct address_question {
  std::optional<std::string> node, service;
  std::optional<addrinfo> hints;
  addrinfo* found = nullptr;
  int result = 0, error = 0;

  address_question(const char* n, const char* s, const addrinfo* h) : node(copy_of(n)), service(copy_of(s)) {
    if (h) hints = *h;
  }
  address_question(address_question&& other) noexcept
      : node(std::move(other.node)),
        service(std::move(other.service)),
        hints(other.hints),
        found(std::exchange(other.found, nullptr)),
        result(other.result),
        error(other.error) {}
  ~address_question() {
    if (found) freeaddrinfo(found);
  }
  void ask() noexcept {
    errno = 0;
    result = next::getaddrinfo(node ? node->c_str() : nullptr, service ? service->c_str() : nullptr,
                               hints ? &*hints : nullptr, &found);
    error = errno;
    if (result != 0) found = nullptr;
  }
};

int find_addresses(control_block& self, const char* node, const char* service, const addrinfo* hints,
                   addrinfo** found) noexcept {
  opaque_call call(self);
  try {
    address_question answer = blocking_abandonable([question = address_question(node, service, hints)]() mutable {
      question.ask();
      return std::move(question);
    });
    if (answer.result != 0) {
      if (answer.result == EAI_SYSTEM) static_cast<void>(call.returns(answer.error, 0));
      return answer.result;
    }
    *found = std::exchange(answer.found, nullptr);
    return call.returns_error(0);
  } catch (...) {
    return refused(call, error_of_exception());
  }
}

struct name_question {
  sockaddr_storage address{};
  socklen_t size;
  std::string host, service;
  int flags, result = 0, error = 0;

  name_question(const sockaddr* a, socklen_t n, socklen_t host_room, socklen_t service_room, int f)
      : size(n), host(host_room, '\0'), service(service_room, '\0'), flags(f) {
    std::memcpy(&address, a, n);
  }
  void ask() noexcept {
    errno = 0;
    const auto room = [](std::string& text) { return text.empty() ? nullptr : text.data(); };
    result = next::getnameinfo(reinterpret_cast<sockaddr*>(&address), size, room(host), socklen_t(host.size()),
                               room(service), socklen_t(service.size()), flags);
    error = errno;
  }
};

int find_name(control_block& self, const sockaddr* address, socklen_t size, char* host, socklen_t host_room,
              char* service, socklen_t service_room, int flags) noexcept {
  opaque_call call(self);
  // Longer texts there are none.
  host_room = host ? std::min<socklen_t>(host_room, NI_MAXHOST) : 0;
  service_room = service ? std::min<socklen_t>(service_room, NI_MAXSERV) : 0;
  try {
    const name_question answer =
        blocking_abandonable([question = name_question(address, size, host_room, service_room, flags)]() mutable {
          question.ask();
          return std::move(question);
        });
    if (answer.result == EAI_SYSTEM) static_cast<void>(call.returns(answer.error, 0));
    if (answer.result != 0) return answer.result;
    std::copy(answer.host.begin(), answer.host.end(), host);
    std::copy(answer.service.begin(), answer.service.end(), service);
    return call.returns_error(0);
  } catch (...) {
    return refused(call, error_of_exception());
  }
}

// For those of old that answer into memory of libc's: null and h_errno.
template <class Ask> hostent* find_host(control_block& self, Ask&& ask) noexcept {
  opaque_call call(self);
  int reason = NETDB_INTERNAL;
  hostent* found = nullptr;
  const auto answer = make_elsewhere<int>([&] {
    found = ask();
    reason = h_errno;
    return 0;
  });
  if (!found) {
    h_errno = answer.result == 0 ? reason : NETDB_INTERNAL;
    static_cast<void>(call.returns(answer.error, 0));
    return nullptr;
  }
  static_cast<void>(call.returns(0, 0));
  return found;
}

// For those of old that answer into memory of the caller's: they return an errno.
template <class Ask> int find_host_r(control_block& self, hostent** found, int* reason, Ask&& ask) noexcept {
  opaque_call call(self);
  const auto answer = make_elsewhere<int>(std::forward<Ask>(ask));
  if (answer.result != -1) {
    static_cast<void>(call.returns(answer.error, 0));
    return answer.result;
  }
  *found = nullptr;
  *reason = NETDB_INTERNAL;
  static_cast<void>(call.returns(answer.error, 0));
  return answer.error;
}

}  // namespace

const hooks_file names_hooks{};

extern "C" {

int getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** found) {
  control_block* const self = asking_fiber();
  if (!self || !node || (hints && hints->ai_flags & AI_NUMERICHOST) || is_numeric(node)) [[likely]]
    return next::getaddrinfo(node, service, hints, found);
  return find_addresses(*self, node, service, hints, found);
}

int getnameinfo(const sockaddr* address, socklen_t size, char* host, socklen_t host_room, char* service,
                socklen_t service_room, int flags) {
  control_block* const self = asking_fiber();
  const bool wants_name = host && host_room > 0 && !(flags & NI_NUMERICHOST);
  if (!self || !wants_name || size > sizeof(sockaddr_storage)) [[likely]]
    return next::getnameinfo(address, size, host, host_room, service, service_room, flags);
  return find_name(*self, address, size, host, host_room, service, service_room, flags);
}

hostent* gethostbyname(const char* name) {
  control_block* const self = asking_fiber();
  const auto ask = [&] { return next::gethostbyname(name); };
  return self ? find_host(*self, ask) : ask();
}

hostent* gethostbyname2(const char* name, int family) {
  control_block* const self = asking_fiber();
  const auto ask = [&] { return next::gethostbyname2(name, family); };
  return self ? find_host(*self, ask) : ask();
}

hostent* gethostbyaddr(const void* address, socklen_t size, int family) {
  control_block* const self = asking_fiber();
  const auto ask = [&] { return next::gethostbyaddr(address, size, family); };
  return self ? find_host(*self, ask) : ask();
}

int gethostbyname_r(const char* name, hostent* into, char* room, size_t size, hostent** found, int* reason) {
  control_block* const self = asking_fiber();
  const auto ask = [&] { return next::gethostbyname_r(name, into, room, size, found, reason); };
  return self ? find_host_r(*self, found, reason, ask) : ask();
}

int gethostbyname2_r(const char* name, int family, hostent* into, char* room, size_t size, hostent** found,
                     int* reason) {
  control_block* const self = asking_fiber();
  const auto ask = [&] { return next::gethostbyname2_r(name, family, into, room, size, found, reason); };
  return self ? find_host_r(*self, found, reason, ask) : ask();
}

int gethostbyaddr_r(const void* address, socklen_t length, int family, hostent* into, char* room, size_t size,
                    hostent** found, int* reason) {
  control_block* const self = asking_fiber();
  const auto ask = [&] { return next::gethostbyaddr_r(address, length, family, into, room, size, found, reason); };
  return self ? find_host_r(*self, found, reason, ask) : ask();
}

}  // extern "C"

}  // namespace weft::detail
