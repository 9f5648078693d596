// SPDX-License-Identifier: BSL-1.0
#include <weft/net/resolve.hpp>

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <weft/base/error.hpp>
#include <weft/detail/net/socket_handle.hpp>
#include <weft/fiber/blocking.hpp>
#include <weft/fiber/deadline_scope.hpp>

#include "fiber/fibers.hpp"
#include "fiber/waiting.hpp"
#include "net/lookup.hpp"
#include "net/text.hpp"

namespace weft::net {
namespace {

struct resolve_errors : std::error_category {
  [[nodiscard]] const char* name() const noexcept override { return "weft.resolve"; }
  [[nodiscard]] std::string message(int value) const override { return ::gai_strerror(value); }
};

static_assert(int(resolve_errc::bad_flags) == EAI_BADFLAGS && int(resolve_errc::host_not_found) == EAI_NONAME &&
              int(resolve_errc::try_again) == EAI_AGAIN && int(resolve_errc::failed) == EAI_FAIL &&
              int(resolve_errc::unknown_family) == EAI_FAMILY &&
              int(resolve_errc::unknown_socket_type) == EAI_SOCKTYPE &&
              int(resolve_errc::service_not_found) == EAI_SERVICE);

std::string described(std::string_view host, std::string_view service) {
  return "resolve " + detail::named(host, service);
}

}  // namespace

const std::error_category& resolve_category() noexcept {
  static const resolve_errors one;
  return one;
}

std::vector<address> resolve(std::string_view host, std::string_view service, deadline until) {
  detail::lookup done = detail::look_up(host, service, until);
  if (!done.error) return std::move(done.found);
  if (done.error == detail::to_error_code(detail::deadline_passed)) throw timed_out(described(host, service).c_str());
  throw std::system_error(done.error, described(host, service));
}

std::vector<address> resolve(std::string_view host, std::string_view service, std::error_code& ec) {
  return resolve(host, service, never, ec);
}

std::vector<address> resolve(std::string_view host, std::string_view service, deadline until, std::error_code& ec) {
  detail::lookup done = detail::look_up(host, service, until);
  ec = done.error;
  return std::move(done.found);
}

}  // namespace weft::net

namespace weft::detail {

std::string named(std::string_view host, std::string_view service) {
  std::string text = "\"";
  append_printable(text, host);
  text += "\", service \"";
  append_printable(text, service);
  text += '"';
  return text;
}

namespace {

// Numbers with a sign or blanks, and those beyond a port: getaddrinfo would take what is left of them in 16 bits.
bool is_no_service(std::string_view service) noexcept {
  if (service.find_first_not_of("0123456789") != service.npos) {
    const auto first = static_cast<unsigned char>(service.front());
    return first <= ' ' || first == '+' || first == '-';
  }
  unsigned port = 0;
  for (const char digit : service) port = std::min(port * 10 + unsigned(digit - '0'), 65'536u);
  return port > 65'535;
}

std::error_code code_of(int result, int error) noexcept {
  if (result == EAI_SYSTEM) return {error, std::system_category()};
  if (result == EAI_MEMORY) return std::make_error_code(std::errc::not_enough_memory);
  return {result, net::resolve_category()};
}

// Blocks, unless the flags ask for literals only.
lookup ask_system(const std::string& host, const std::string& service, int flags) {
  addrinfo wanted{};
  wanted.ai_family = AF_UNSPEC;
  wanted.ai_socktype = SOCK_STREAM;  // each address once, not once for each kind of socket
  wanted.ai_flags = flags;
  addrinfo* list = nullptr;
  // Without a host and a service it would refuse; "0" is what no service means.
  const int result =
      ::getaddrinfo(host.empty() ? nullptr : host.c_str(), service.empty() ? "0" : service.c_str(), &wanted, &list);
  lookup done;
  if (result != 0) {
    done.error = code_of(result, errno);
    return done;
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
  for (const addrinfo* i = list; i; i = i->ai_next) {
    if (i->ai_family != AF_INET && i->ai_family != AF_INET6) continue;
    const auto one = net::address::from_native(i->ai_addr, i->ai_addrlen);
    if (std::ranges::find(done.found, one) == done.found.end()) done.found.push_back(one);
  }
  if (done.found.empty()) done.error = make_error_code(net::resolve_errc::host_not_found);
  return done;
}

}  // namespace

lookup look_up(std::string_view host, std::string_view service, deadline until) {
  // They would be cut there, and mean somebody else.
  if (host.find('\0') != host.npos) return {{}, make_error_code(net::resolve_errc::host_not_found)};
  if (service.find('\0') != service.npos || is_no_service(service))
    return {{}, make_error_code(net::resolve_errc::service_not_found)};
  check_cancellation();
  std::string name(host), port(service);
  lookup literal = ask_system(name, port, AI_NUMERICHOST | AI_NUMERICSERV);
  if (!literal.error) return literal;
  const auto ask = [&] {
    return blocking_abandonable([name = std::move(name), port = std::move(port)] { return ask_system(name, port, 0); });
  };
  if (until.is_never() || !running_fiber()) return ask();
  try {
    return with_deadline(until, ask);
  } catch (const timed_out&) {
    return {{}, to_error_code(deadline_passed)};
  }
}

}  // namespace weft::detail
