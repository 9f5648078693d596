// SPDX-License-Identifier: BSL-1.0
// Addresses and their text.
#include <weft/net/address.hpp>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "net/text.hpp"

namespace weft::net {
namespace {

constexpr std::size_t path_offset = offsetof(sockaddr_un, sun_path);
constexpr std::string_view unix_prefix = "unix:";

template <class Native> Native load(const std::byte* from) noexcept {
  Native native;
  std::memcpy(&native, from, sizeof native);
  return native;
}

template <class Native> address from(const Native& native) noexcept {
  return address::from_native(reinterpret_cast<const sockaddr*>(&native), sizeof native);
}

bool parse_port(std::string_view text, std::uint16_t& port) noexcept {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size();
}

bool parse_scope(std::string_view text, std::uint32_t& scope) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), scope);
  if (error == std::errc{} && end == text.data() + text.size()) return true;
  scope = if_nametoindex(std::string(text).c_str());
  return scope != 0;
}

// An IP literal; the result names nothing when it is none.
address parse_ip(std::string_view text, std::uint16_t port) {
  if (text.find('\0') != text.npos) return {};  // inet_pton would stop there
  if (text.find(':') == text.npos) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    return inet_pton(AF_INET, std::string(text).c_str(), &v4.sin_addr) == 1 ? from(v4) : address();
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  const auto percent = text.find('%');
  if (percent != text.npos && !parse_scope(text.substr(percent + 1), v6.sin6_scope_id)) return {};
  return inet_pton(AF_INET6, std::string(text.substr(0, percent)).c_str(), &v6.sin6_addr) == 1 ? from(v6) : address();
}

// A unix socket's path as the kernel has it.
std::errc make_unix(std::string_view path, address& result) noexcept {
  sockaddr_un native{};
  // A path ends in a NUL that needs its place; an abstract name is as long as it says.
  const bool is_abstract = !path.empty() && path.front() == '\0';
  const std::size_t ending = path.empty() || is_abstract ? 0 : 1;
  if (path.size() + ending > sizeof native.sun_path) return std::errc::filename_too_long;
  if (!is_abstract && path.find('\0') != path.npos) return std::errc::invalid_argument;
  native.sun_family = AF_UNIX;
  std::copy(path.begin(), path.end(), native.sun_path);
  result = address::from_native(reinterpret_cast<const sockaddr*>(&native), path_offset + path.size() + ending);
  return {};
}

std::errc parse_into(std::string_view text, address& result) {
  if (text.substr(0, unix_prefix.size()) == unix_prefix) {
    std::string path(text.substr(unix_prefix.size()));
    if (path.empty() || path.front() == '\0') return std::errc::invalid_argument;
    if (path.front() == '@') path.front() = '\0';
    return make_unix(path, result);
  }
  const auto colon = text.rfind(':');
  if (colon == text.npos) return std::errc::invalid_argument;
  std::uint16_t port = 0;
  if (!parse_port(text.substr(colon + 1), port)) return std::errc::invalid_argument;
  auto ip = text.substr(0, colon);
  const bool bracketed = ip.size() > 2 && ip.front() == '[' && ip.back() == ']';
  if (bracketed) ip = ip.substr(1, ip.size() - 2);
  // Brackets belong to IPv6 and IPv6 to brackets, else "::1:80" would have two readings.
  if (bracketed != (ip.find(':') != ip.npos)) return std::errc::invalid_argument;
  result = parse_ip(ip, port);
  return result.size() ? std::errc{} : std::errc::invalid_argument;
}

[[noreturn, gnu::cold]] void refuse(std::errc why, std::string_view text) {
  std::string what = why == std::errc::filename_too_long ? "the name of a unix socket has at most 107 bytes: \""
                                                         : "not an address (like \"127.0.0.1:80\", \"[::1]:80\" or "
                                                           "\"unix:/path\"): \"";
  constexpr std::size_t most = 200;
  detail::append_printable(what, text.substr(0, most));
  what += text.size() > most ? "...\"" : "\"";
  throw std::system_error(std::make_error_code(why), what);
}

}  // namespace

address::address(std::string_view ip, std::uint16_t port) : address(parse_ip(ip, port)) {
  if (!size_) refuse(std::errc::invalid_argument, ip);
}

address address::parse(std::string_view text) {
  address result;
  if (const auto why = parse_into(text, result); why != std::errc{}) refuse(why, text);
  return result;
}

address address::parse(std::string_view text, std::error_code& ec) {
  address result;
  const auto why = parse_into(text, result);
  ec = why == std::errc{} ? std::error_code() : std::make_error_code(why);
  return result;
}

address address::unix_path(std::string_view path) {
  address result;
  if (const auto why = make_unix(path, result); why != std::errc{}) refuse(why, path);
  return result;
}

address address::from_native(const sockaddr* data, std::size_t size) noexcept {
  address result;
  result.size_ = static_cast<std::uint32_t>(std::min(size, capacity));
  if (result.size_) std::memcpy(result.storage_, data, result.size_);
  return result;
}

int address::family() const noexcept { return size_ < sizeof(sa_family_t) ? AF_UNSPEC : load<sa_family_t>(storage_); }

bool address::is_ip() const noexcept { return family() == AF_INET || family() == AF_INET6; }

bool address::is_unix() const noexcept { return family() == AF_UNIX; }

bool address::is_loopback() const noexcept {
  if (family() == AF_INET) return ntohl(load<sockaddr_in>(storage_).sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
  if (family() != AF_INET6) return is_unix();
  const auto ip = load<sockaddr_in6>(storage_).sin6_addr;
  return IN6_IS_ADDR_LOOPBACK(&ip) || (IN6_IS_ADDR_V4MAPPED(&ip) && ip.s6_addr[12] == IN_LOOPBACKNET);
}

std::string address::ip() const {
  char text[INET6_ADDRSTRLEN];
  if (family() == AF_INET) {
    const auto native = load<sockaddr_in>(storage_);
    return inet_ntop(AF_INET, &native.sin_addr, text, sizeof text);
  }
  if (family() != AF_INET6) return {};
  const auto native = load<sockaddr_in6>(storage_);
  std::string result = inet_ntop(AF_INET6, &native.sin6_addr, text, sizeof text);
  if (native.sin6_scope_id) result.append("%").append(std::to_string(native.sin6_scope_id));
  return result;
}

std::uint16_t address::port() const noexcept {
  // The port lies at the same place in both families.
  static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
  return is_ip() ? ntohs(load<in_port_t>(storage_ + offsetof(sockaddr_in, sin_port))) : 0;
}

address address::with_port(std::uint16_t port) const noexcept {
  address result = *this;
  const in_port_t native = htons(port);
  if (is_ip()) std::memcpy(result.storage_ + offsetof(sockaddr_in, sin_port), &native, sizeof native);
  return result;
}

std::string_view address::path() const noexcept {
  if (!is_unix() || size_ <= path_offset) return {};
  const std::string_view name(reinterpret_cast<const char*>(storage_) + path_offset, size_ - path_offset);
  return name.front() == '\0' ? name : name.substr(0, name.find('\0'));
}

std::string address::to_string() const {
  switch (family()) {
    case AF_INET:
      return ip() + ":" + std::to_string(port());
    case AF_INET6:
      return std::string("[") + ip() + "]:" + std::to_string(port());
    case AF_UNIX: {
      auto name = path();
      std::string text(unix_prefix);
      if (!name.empty() && name.front() == '\0') {
        text += '@';
        name.remove_prefix(1);
      }
      detail::append_printable(text, name);
      return text;
    }
    case AF_UNSPEC:
      return {};
    default:
      return "an address of family " + std::to_string(family());
  }
}

const sockaddr* address::data() const noexcept { return reinterpret_cast<const sockaddr*>(storage_); }

}  // namespace weft::net
