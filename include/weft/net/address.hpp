// SPDX-License-Identifier: BSL-1.0
// Where a socket is or shall be: an IPv4 or IPv6 address with a port, or the name of a unix socket.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>
#include <system_error>

struct sockaddr;

namespace weft::net {

// A regular value that holds the kernel's own form. Names no host: `resolve` is for those.
class address {
 public:
  // Names nothing: family AF_UNSPEC, to_string "".
  address() noexcept = default;

  // An IP literal and a port. Throws std::system_error (invalid_argument) naming the text.
  address(std::string_view ip, std::uint16_t port);

  // "127.0.0.1:80", "[::1]:80", "[fe80::1%eth0]:80", "unix:/path", and "unix:@name" for a name in the abstract
  // namespace. Throws std::system_error naming the text: invalid_argument, or filename_too_long for a unix path.
  [[nodiscard]] static address parse(std::string_view text);
  // The same; a failure goes into `ec` and the result names nothing.
  [[nodiscard]] static address parse(std::string_view text, std::error_code& ec);

  // A unix socket's path as the kernel has it: a leading NUL means the abstract namespace. Empty: an unnamed socket.
  // Throws like `parse`.
  [[nodiscard]] static address unix_path(std::string_view path);

  // What accept, getsockname and friends gave. Families that weft does not know are kept.
  [[nodiscard]] static address from_native(const ::sockaddr* data, std::size_t size) noexcept;

  [[nodiscard]] int family() const noexcept;  // AF_INET, AF_INET6, AF_UNIX; AF_UNSPEC when it names nothing
  [[nodiscard]] bool is_ip() const noexcept;
  [[nodiscard]] bool is_unix() const noexcept;
  [[nodiscard]] bool is_loopback() const noexcept;  // 127.0.0.0/8, ::1, and unix sockets

  // The address without port and brackets, "127.0.0.1", "fe80::1%2"; "" when it is no IP address.
  [[nodiscard]] std::string ip() const;
  [[nodiscard]] std::uint16_t port() const noexcept;  // 0 when it is no IP address
  [[nodiscard]] address with_port(std::uint16_t port) const noexcept;

  // The path of a unix socket, with a leading NUL in the abstract namespace; "" for unnamed ones and other families.
  // Valid as long as this object.
  [[nodiscard]] std::string_view path() const noexcept;

  // What `parse` reads; "unix:" for an unnamed socket, "an address of family 16" for one that weft does not know. Bytes of
  // a path that do not print are written as \xNN.
  [[nodiscard]] std::string to_string() const;

  [[nodiscard]] const ::sockaddr* data() const noexcept;
  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }

  friend bool operator==(const address& a, const address& b) noexcept { return a.bytes() == b.bytes(); }
  friend std::strong_ordering operator<=>(const address& a, const address& b) noexcept {
    return a.bytes() <=> b.bytes();
  }

 private:
  friend struct std::hash<address>;

  static constexpr std::size_t capacity = 112;  // of sockaddr_un, the largest, rounded up

  [[nodiscard]] std::string_view bytes() const noexcept { return {reinterpret_cast<const char*>(storage_), size_}; }

  alignas(8) std::byte storage_[capacity] = {};
  std::uint32_t size_ = 0;
};

[[nodiscard]] inline std::string to_string(const address& a) { return a.to_string(); }
template <class Char, class Traits>
std::basic_ostream<Char, Traits>& operator<<(std::basic_ostream<Char, Traits>& out, const address& a) {
  return out << a.to_string().c_str();
}

}  // namespace weft::net

template <> struct std::hash<weft::net::address> {
  std::size_t operator()(const weft::net::address& a) const noexcept {
    return std::hash<std::string_view>()(a.bytes());
  }
};
