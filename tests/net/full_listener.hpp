// SPDX-License-Identifier: BSL-1.0
// A listener that does not answer.
#pragma once

#include <chrono>
#include <system_error>
#include <vector>

#include "net/loopback.hpp"

namespace weft::test {

// Its queue is full: the kernel drops further connects, which hang.
struct full_listener {
  full_listener() : listener(any_port(), {.backlog = 1}) {
    for (int i = 0; i < 8; ++i) {
      std::error_code ec;
      queued.push_back(net::tcp_stream::connect(listener.local(), std::chrono::milliseconds(20), ec));
    }
  }
  // Takes one out of the queue, if there is one.
  bool make_room() {
    std::error_code ec;
    return listener.accept(std::chrono::seconds(0), ec).is_open();
  }

  net::tcp_listener listener;
  std::vector<net::tcp_stream> queued;
};

}  // namespace weft::test
