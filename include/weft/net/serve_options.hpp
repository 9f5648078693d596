// SPDX-License-Identifier: BSL-1.0
// What `serve` is given besides a listener and a handler.
#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <weft/net/address.hpp>

namespace weft::net {

struct serve_options {
  // How long connections may go on when `serve` is cancelled.
  std::chrono::nanoseconds grace = std::chrono::nanoseconds(0);
  // Beyond this many no more are accepted until one has ended: they wait in the listener's backlog. 0: no limit.
  std::size_t max_connections = 0;
  // Gets what a handler threw and whose connection it was, on that connection's fiber. Empty: one line on stderr;
  // what it throws itself is one, too.
  std::function<void(std::exception_ptr, const address&)> on_error = {};
};

}  // namespace weft::net
