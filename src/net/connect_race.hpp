// SPDX-License-Identifier: BSL-1.0
// Connecting to whichever of several addresses answers first: Happy Eyeballs (RFC 8305, sections 4 and 5).
//
// One attempt after the other, each begun when the one before has failed, or has been silent for a quarter of a second.
// The first to be connected wins; the others are closed. All within one fiber or thread, which waits for all of them by
// one claim, or one poll(2): no fiber for each that would have to be cancelled.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <vector>
#include <weft/base/deadline.hpp>
#include <weft/net/tcp_stream.hpp>

#include "fiber/control_block.hpp"

namespace weft::detail {

class connect_race {
 public:
  static constexpr std::chrono::milliseconds attempt_delay{250};

  // Families take turns, beginning with that of the first.
  [[nodiscard]] static std::vector<net::address> in_turn(std::span<const net::address> addresses);

  // They must live as long. `delay`: other than the usual one for tests.
  explicit connect_race(std::span<const net::address> addresses, std::chrono::milliseconds delay = attempt_delay)
      : addresses_(addresses), delay_(delay) {}

  // May park. 0, and the winner is in `into`; else the first address's errno, EINVAL without an address, or
  // deadline_passed. Throws `cancelled`.
  [[nodiscard]] int run(deadline until, net::tcp_stream& into);
  // What became of those that failed: "127.0.0.1:80: Connection refused; [::1]:80: ...".
  [[nodiscard]] const std::string& account() const noexcept { return account_; }

 private:
  struct attempt {
    net::tcp_stream stream;
    const net::address* to;
    std::uint64_t seen;
  };

  // The winner among those under way, or null; those that have failed are struck off.
  [[nodiscard]] attempt* look();
  [[nodiscard]] attempt* begin_next();
  void strike(const net::address& to, int error);
  // 0: some may have got on. An errno or deadline_passed.
  [[nodiscard]] int wait(control_block* self, deadline until);
  [[nodiscard]] int park(control_block& self, deadline until);
  [[nodiscard]] int block(deadline until);

  std::span<const net::address> addresses_;
  std::chrono::milliseconds delay_;
  std::size_t begun_ = 0;
  deadline next_ = std::chrono::seconds(0);  // when the next attempt begins
  std::vector<attempt> under_way_;
  int first_error_ = 0;
  std::string account_;
};

}  // namespace weft::detail
