// SPDX-License-Identifier: BSL-1.0
// The addresses of a host by its name, for tasks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>
#include <weft/net/address.hpp>
#include <weft/stackless/task.hpp>

namespace weft::stackless {

// co_await: at least one. Throws as net::resolve(); a cancellation leaves the look-up to itself.
[[nodiscard]] task<std::vector<net::address>> look_up(std::string host, std::uint16_t port);

}  // namespace weft::stackless
