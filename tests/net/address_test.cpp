// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <ostream>
#include <sstream>
#include <string>
#include <unordered_set>
#include <weft/net/address.hpp>

using weft::net::address;
using namespace std::string_literals;

namespace {

// The error that parsing gives, and what it says.
std::system_error refusal(std::string_view text) {
  try {
    static_cast<void>(address::parse(text));
  } catch (const std::system_error& e) {
    return e;
  }
  FAIL("accepted: " << text);
  return std::system_error(std::error_code());
}

}  // namespace

TEST_CASE("IPv4 addresses are parsed and written") {
  const auto a = address::parse("127.0.0.1:80");
  CHECK(a.family() == AF_INET);
  CHECK(a.is_ip());
  CHECK(a.is_loopback());
  CHECK(a.ip() == "127.0.0.1");
  CHECK(a.port() == 80);
  CHECK(a.path().empty());
  CHECK(a.to_string() == "127.0.0.1:80");
  CHECK(to_string(a) == "127.0.0.1:80");
  CHECK(a.size() == sizeof(sockaddr_in));
  CHECK(reinterpret_cast<const sockaddr_in*>(a.data())->sin_port == htons(80));
  CHECK_FALSE(address::parse("10.0.0.1:0").is_loopback());
  CHECK(address::parse("0.0.0.0:65535").port() == 65535);
}

TEST_CASE("IPv6 addresses are parsed and written, with and without scope") {
  const auto a = address::parse("[::1]:8080");
  CHECK(a.family() == AF_INET6);
  CHECK(a.is_loopback());
  CHECK(a.ip() == "::1");
  CHECK(a.port() == 8080);
  CHECK(a.to_string() == "[::1]:8080");
  const auto scoped = address::parse("[fe80::1%7]:1");
  CHECK(scoped.ip() == "fe80::1%7");
  CHECK(scoped.to_string() == "[fe80::1%7]:1");
  CHECK(address::parse("[::1%lo]:1").ip() == "::1%1");
  CHECK(address::parse("[::ffff:127.0.0.1]:1").is_loopback());
}

TEST_CASE("unix paths and abstract names are parsed and written") {
  const auto path = address::parse("unix:/tmp/x");
  CHECK(path.family() == AF_UNIX);
  CHECK(path.is_unix());
  CHECK(path.path() == "/tmp/x");
  CHECK(path.port() == 0);
  CHECK(path.ip().empty());
  CHECK(path.to_string() == "unix:/tmp/x");
  CHECK(path == address::unix_path("/tmp/x"));
  const auto hidden = address::parse("unix:@name");
  CHECK(hidden.path() == "\0name"s);
  CHECK(hidden.to_string() == "unix:@name");
  CHECK(hidden.size() == offsetof(sockaddr_un, sun_path) + 5);  // no NUL at the end: it would be a part of the name
  CHECK(address::parse("unix:relative:80").path() == "relative:80");
  CHECK(address::unix_path("").to_string() == "unix:");
}

TEST_CASE("a path of 107 bytes fits, one more does not; an abstract name may have one more") {
  const std::string most(107, 'p');
  CHECK(address::parse("unix:" + most).path() == most);
  CHECK(refusal("unix:" + most + "p").code() == std::errc::filename_too_long);
  CHECK(address::parse("unix:@" + most).path() == "\0"s + most);
  CHECK(refusal("unix:@" + most + "p").code() == std::errc::filename_too_long);
}

TEST_CASE("what is no address is refused by an error that names it") {
  for (const char* text : {"",
                           ":",
                           "80",
                           ":80",
                           "localhost:80",
                           "127.0.0.1",
                           "127.0.0.1:",
                           "127.0.0.1:65536",
                           "127.0.0.1:-1",
                           "127.0.0.1:+1",
                           "127.0.0.1:80 ",
                           " 127.0.0.1:80",
                           "127.0.0.1:0x50",
                           "256.0.0.1:80",
                           "127.1:80",
                           "1.2.3.4.5:80",
                           "::1:80",
                           "[::1]",
                           "[::1]80",
                           "[]:80",
                           "[127.0.0.1]:80",
                           "[::1:80",
                           "::1]:80",
                           "[::g]:80",
                           "[::1%]:80",
                           "[::1%nosuchinterface]:80",
                           "unix:",
                           "unix",
                           "http://127.0.0.1:80"}) {
    CAPTURE(text);
    const auto e = refusal(text);
    CHECK(e.code() == std::errc::invalid_argument);
    CHECK(std::string(e.what()).find("\""s + text + "\"") != std::string::npos);
    std::error_code ec;
    CHECK(address::parse(text, ec).size() == 0);
    CHECK(ec == std::errc::invalid_argument);
  }
}

TEST_CASE("bytes that could fool a reader or a terminal are escaped or refused") {
  CHECK(std::string(refusal("\033[2J\n").what()).find("\\x1b[2J\\x0a") != std::string::npos);
  CHECK(refusal("127.0.0.1\0:80"s).code() == std::errc::invalid_argument);
  CHECK(refusal("unix:/a\0b"s).code() == std::errc::invalid_argument);
  CHECK(refusal("unix:\0a"s).code() == std::errc::invalid_argument);
  CHECK(std::string(refusal(std::string(100'000, 'x')).what()).size() < 400);
  CHECK(address::unix_path("\0a\0b"s).to_string() == "unix:@a\\x00b");
}

TEST_CASE("a literal and a port make an address") {
  CHECK(address("::1", 80) == address::parse("[::1]:80"));
  CHECK(address("127.0.0.1", 0).with_port(80) == address::parse("127.0.0.1:80"));
  CHECK_THROWS_AS(address("localhost", 80), std::system_error);
  CHECK_THROWS_AS(address("", 80), std::system_error);
}

TEST_CASE("an address that names nothing says so") {
  const address none;
  CHECK(none.family() == AF_UNSPEC);
  CHECK(none.to_string().empty());
  CHECK_FALSE(none.is_ip());
  CHECK_FALSE(none.is_unix());
  CHECK_FALSE(none.is_loopback());
  CHECK(none.size() == 0);
}

TEST_CASE("addresses compare, sort and hash by what they name") {
  const auto a = address::parse("127.0.0.1:80"), b = address::parse("127.0.0.1:81");
  CHECK(a != b);
  CHECK(a < b);
  CHECK(a != address::parse("[::ffff:127.0.0.1]:80"));
  std::unordered_set<address> set{a, b, a};
  CHECK(set.size() == 2);
  CHECK(set.contains(address("127.0.0.1", 81)));
}

TEST_CASE("what the kernel says of a socket is an address") {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_storage given;
  socklen_t size = sizeof given;
  CHECK(::getsockname(fd, reinterpret_cast<sockaddr*>(&given), &size) == 0);
  ::close(fd);
  CHECK(address::from_native(reinterpret_cast<const sockaddr*>(&given), size) == address("0.0.0.0", 0));
  CHECK(address::from_native(nullptr, 0) == address());
}

TEST_CASE("an address is written to a stream as its text") {
  std::ostringstream out;
  out << address::parse("[::1]:80") << ' ' << address();
  CHECK(out.str() == "[::1]:80 ");
}
