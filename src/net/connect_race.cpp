// SPDX-License-Identifier: BSL-1.0
#include "net/connect_race.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>
#include <weft/base/error.hpp>

#include "net/plain_wait.hpp"
#include "net/text.hpp"
#include "net/wait.hpp"

namespace weft::detail {

std::vector<net::address> connect_race::in_turn(std::span<const net::address> addresses) {
  std::vector<net::address> ordered;
  ordered.reserve(addresses.size());
  if (addresses.empty()) return ordered;
  const int family = addresses.front().family();
  const auto is_first = [family](const net::address& a) { return a.family() == family; };
  auto own = addresses.begin(), other = addresses.begin();
  const auto end = addresses.end();
  while (ordered.size() < addresses.size()) {
    own = std::find_if(own, end, is_first);
    if (own != end) ordered.push_back(*own++);
    other = std::find_if_not(other, end, is_first);
    if (other != end) ordered.push_back(*other++);
  }
  return ordered;
}

int connect_race::run(deadline until, net::tcp_stream& into) {
  if (addresses_.empty()) return EINVAL;
  control_block* const self = running_fiber();
  under_way_.reserve(addresses_.size());
  for (bool is_over = false;;) {
    check_cancellation();
    attempt* winner = look();  // also when the time is over: one may have got on, and not been heard of
    // What fails at once makes room for the next at once.
    while (!winner && !is_over && begun_ < addresses_.size() && (under_way_.empty() || next_.passed()))
      winner = begin_next();
    if (winner) {
      into = std::move(winner->stream);
      return 0;
    }
    if (under_way_.empty() && !is_over) return first_error_;
    if (is_over) {
      for (const attempt& a : under_way_) strike(*a.to, ETIMEDOUT);
      return deadline_passed;
    }
    const int error = wait(self, begun_ < addresses_.size() ? std::min(until, next_) : until);
    if (error && error != deadline_passed) return error;
    is_over = error && until.passed();
  }
}

connect_race::attempt* connect_race::look() {
  for (auto a = under_way_.begin(); a != under_way_.end();) {
    a->seen = socket_wait::about_to_try(a->stream, io_side::write);
    const int error = a->stream.connect_now(*a->to);
    if (error == 0) return &*a;
    if (error == EINPROGRESS) {
      ++a;
      continue;
    }
    strike(*a->to, error);
    a = under_way_.erase(a);
    next_ = std::chrono::seconds(0);
  }
  return nullptr;
}

connect_race::attempt* connect_race::begin_next() {
  const net::address& to = addresses_[begun_++];
  attempt fresh{{}, &to, 0};
  int error = to.is_ip() ? fresh.stream.open_for(to) : EAFNOSUPPORT;
  if (!error) {
    fresh.seen = socket_wait::about_to_try(fresh.stream, io_side::write);
    error = fresh.stream.connect_now(to);
  }
  if (error && error != EINPROGRESS) {
    strike(to, error);
    return nullptr;
  }
  under_way_.push_back(std::move(fresh));
  next_ = delay_;
  return error ? nullptr : &under_way_.back();
}

void connect_race::strike(const net::address& to, int error) {
  if (!first_error_) first_error_ = error;
  if (!account_.empty()) account_ += "; ";
  account_ += named(to) + ": " + to_error_code(error).message();
}

int connect_race::wait(control_block* self, deadline until) { return self ? park(*self, until) : block(until); }

int connect_race::park(control_block& self, deadline until) {
  const auto nodes = std::make_unique<wait_node[]>(under_way_.size());
  try {
    for (const attempt& a : under_way_) socket_wait::state_of(a.stream).settle(*self.desk->at.poller, a.seen);
  } catch (const std::system_error& e) {
    return e.code().value();
  }
  waiting me(&self, waiting::may_cancel::yes, "room for output");
  std::size_t shown = 0;
  bool all_wait = true;
  for (; shown < under_way_.size() && all_wait; ++shown) {
    wait_node& node = nodes[shown];
    node.who = &me.who();
    node.generation = me.ticket();
    const attempt& a = under_way_[shown];
    all_wait = socket_wait::state_of(a.stream).wait_begin(direction::write, node, a.seen) == wait_duty::park;
  }
  const outcome why = all_wait ? me.park(until) : outcome::none;
  // One that has won our claim may still be at a node of ours, under its descriptor's lock.
  for (std::size_t i = 0; i < shown; ++i)
    socket_wait::state_of(under_way_[i].stream).wait_end(direction::write, nodes[i]);
  me.heed(all_wait ? why : me.forgo());
  return why == outcome::deadline ? deadline_passed : 0;
}

int connect_race::block(deadline until) {
  std::vector<pollfd> files;
  files.reserve(under_way_.size());
  for (const attempt& a : under_way_) files.push_back({socket_wait::fd(a.stream), POLLOUT, 0});
  return poll_any_on_thread(files, until);
}

}  // namespace weft::detail
