// SPDX-License-Identifier: BSL-1.0
// A name looked up, without an exception for what the network says.
#pragma once

#include <string>
#include <string_view>
#include <system_error>
#include <vector>
#include <weft/base/deadline.hpp>
#include <weft/net/address.hpp>

namespace weft::detail {

struct lookup {
  std::vector<net::address> found;
  std::error_code error;  // if nothing was found; that of `deadline_passed` for `until`
};

// "example.org", service "http": with their quotes, for messages.
[[nodiscard]] std::string named(std::string_view host, std::string_view service);

// May park. Throws `cancelled`, bad_alloc, and what the blocking pool throws.
[[nodiscard]] lookup look_up(std::string_view host, std::string_view service, deadline until);

}  // namespace weft::detail
