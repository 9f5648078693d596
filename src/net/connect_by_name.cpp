// SPDX-License-Identifier: BSL-1.0
// Connecting to one of several addresses, and to a host by its name.
#include <weft/net/tcp_stream.hpp>

#include <cerrno>
#include <string>
#include <weft/base/error.hpp>

#include "net/connect_race.hpp"
#include "net/lookup.hpp"
#include "net/text.hpp"

namespace weft::net {
namespace {

struct attempted {
  tcp_stream stream;
  std::error_code error;
  std::string account;  // of those that failed
};

attempted reach(std::span<const address> to, deadline until) {
  attempted result;
  detail::connect_race race(to);
  if (const int error = race.run(until, result.stream)) {
    result.error = detail::to_error_code(error);
    result.account = race.account();
  }
  return result;
}

attempted reach(std::string_view host, std::string_view service, deadline until) {
  const detail::lookup known = detail::look_up(host, service, until);
  if (known.error) return {{}, known.error, "the name was not resolved"};
  return reach(detail::connect_race::in_turn(known.found), until);
}

tcp_stream winner_of(attempted result, const std::string& whom) {
  if (!result.error) return std::move(result.stream);
  std::string text = "connect to " + whom;
  if (!result.account.empty()) text += " (" + result.account + ")";
  if (result.error == detail::to_error_code(detail::deadline_passed)) throw timed_out(text.c_str());
  throw std::system_error(result.error, text);
}

tcp_stream winner_or_note(attempted result, std::error_code& ec) noexcept {
  ec = result.error;
  return std::move(result.stream);
}

}  // namespace

tcp_stream tcp_stream::connect(std::span<const address> to, deadline until) {
  return winner_of(reach(to, until), to.size() == 1 ? detail::named(to.front()) : "one of several addresses");
}

tcp_stream tcp_stream::connect(std::span<const address> to, deadline until, std::error_code& ec) {
  return winner_or_note(reach(to, until), ec);
}

tcp_stream tcp_stream::connect(std::string_view host, std::string_view service, deadline until) {
  return winner_of(reach(host, service, until), detail::named(host, service));
}

tcp_stream tcp_stream::connect(std::string_view host, std::string_view service, deadline until, std::error_code& ec) {
  return winner_or_note(reach(host, service, until), ec);
}

}  // namespace weft::net
