// SPDX-License-Identifier: BSL-1.0
// What the blocking pool is to be asked for is done by a thread of it, and not on the fiber's worker.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netdb.h>
#include <netinet/in.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iterator>
#include <map>
#include <string_view>
#include <weft/hooks.hpp>
#include <weft/weft.hpp>

#include "hooks/table.hpp"

namespace {

std::ptrdiff_t threads() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"), std::filesystem::directory_iterator());
}

// How many threads a runtime has more when its only fiber has made the call: those of its pool, which begin when they are
// needed and stay for a while.
std::ptrdiff_t begun_by(const std::function<void()>& call) {
  return weft::run(
      [&] {
        const auto before = threads();
        call();
        return threads() - before;
      },
      {.workers = 1, .hog_threshold = {}});
}

}  // namespace

TEST_CASE("each function that is to be asked elsewhere is called by a thread of the pool") {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  hostent host{}, *found = nullptr;
  int reason = 0;
  std::array<char, 4096> room;
  const std::map<std::string_view, std::function<void()>> calls{
      {"getaddrinfo",
       [] {
         addrinfo* all = nullptr;
         REQUIRE(::getaddrinfo("localhost", nullptr, nullptr, &all) == 0);
         ::freeaddrinfo(all);
       }},
      {"getnameinfo",
       [&] {
         const auto* const at = reinterpret_cast<const sockaddr*>(&address);
         CHECK(::getnameinfo(at, sizeof address, room.data(), room.size(), nullptr, 0, 0) == 0);
       }},
      {"gethostbyname", [] { CHECK(::gethostbyname("localhost") != nullptr); }},
      {"gethostbyname2", [] { CHECK(::gethostbyname2("localhost", AF_INET) != nullptr); }},
      {"gethostbyaddr", [&] { CHECK(::gethostbyaddr(&address.sin_addr, sizeof(in_addr), AF_INET) != nullptr); }},
      {"gethostbyname_r",
       [&] { CHECK(::gethostbyname_r("localhost", &host, room.data(), room.size(), &found, &reason) == 0); }},
      {"gethostbyname2_r",
       [&] { CHECK(::gethostbyname2_r("localhost", AF_INET, &host, room.data(), room.size(), &found, &reason) == 0); }},
      {"gethostbyaddr_r",
       [&] {
         CHECK(::gethostbyaddr_r(&address.sin_addr, sizeof(in_addr), AF_INET, &host, room.data(), room.size(), &found,
                                 &reason) == 0);
       }},
      {"system", [] { CHECK(::system("true") == 0); }},
  };
  for (const auto& row : weft::detail::hooks_table()) {
    if (row.does != weft::detail::behaviour::asks_elsewhere) continue;
    CAPTURE(row.name);
    const auto call = calls.find(row.name);
    REQUIRE(call != calls.end());
    CHECK(begun_by(call->second) == 1);
    CHECK(begun_by([&] {
            const weft::hooks::scoped_disable here;
            call->second();
          }) == 0);
  }
}
