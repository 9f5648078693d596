// SPDX-License-Identifier: BSL-1.0
// What `serve` does whatever the kind of connection: a fiber for each, spread over the workers, and an orderly end.
//
// Invariants
//  - A connection lies in `live_` (or `condemned_`, once it was cancelled) until its fiber is done with it, then in
//    `ended_` until somebody has joined that fiber and deleted it. `unreaped_` counts all of them.
//  - A connection's fiber touches the server until it has moved itself to `ended_`; `serve` does not return before
//    `unreaped_` is zero.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <source_location>
#include <system_error>
#include <vector>
#include <weft/base/deadline.hpp>
#include <weft/detail/base/spin_lock.hpp>
#include <weft/detail/net/peer_name.hpp>
#include <weft/detail/run/wait_queue.hpp>
#include <weft/fiber/fiber.hpp>
#include <weft/net/serve_options.hpp>

namespace weft::detail {

class server;

// A ring of connections, or one of its links.
struct connection_link {
  connection_link* prev = this;
  connection_link* next = this;

  connection_link() = default;
  connection_link(const connection_link&) = delete;
  connection_link& operator=(const connection_link&) = delete;
  void unlink() noexcept {
    prev->next = next;
    next->prev = prev;
    prev = next = this;
  }
  void link_before(connection_link& other) noexcept {
    prev = other.prev;
    next = &other;
    prev->next = this;
    other.prev = this;
  }
};

// One accepted connection; what `serve` adds is its stream.
struct connection : connection_link {
  virtual ~connection() = default;
  virtual void handle() = 0;  // on the connection's fiber

  server* of = nullptr;
  fiber<void> runs;  // set by the acceptor, which may be later than the fiber's end
  unsigned worker = 0;
  enum class phase : unsigned char { starting, running, ended_early } now = phase::starting;
  peer_name peer;
};

class server {
 public:
  // What `serve` supplies.
  class acceptor {
   public:
    // May park. Null with an error in `ec`.
    virtual std::unique_ptr<connection> accept(std::error_code& ec) = 0;
    [[nodiscard]] virtual net::address where() const = 0;

   protected:
    ~acceptor() = default;
  };

  // Fiber only: operation_not_permitted elsewhere.
  server(net::serve_options with, std::source_location where);
  server(const server&) = delete;
  server& operator=(const server&) = delete;
  ~server() = default;

  // Until the listener is closed and all connections have ended, or an exception.
  void run(acceptor& from);

 private:
  class body;

  void accept_all(acceptor& from);
  void start(std::unique_ptr<connection> fresh);
  fiber<void> launch_for(connection& one);
  void back_off(const std::string& why);
  void stop() noexcept;
  void reap() noexcept;
  void wait_until_reaped(bool may_cancel);
  void run_connection(connection& which) noexcept;
  void ended(connection& which) noexcept;
  void report(std::exception_ptr error, const net::address& peer) noexcept;
  unsigned least_loaded() noexcept;
  template <class Condition> bool wait_for(bool may_cancel, deadline until, Condition&& reached);

  const net::serve_options options_;
  const std::source_location where_;
  std::chrono::nanoseconds patience_{};  // of the next pause while there are no fds or no memory; zero: all is well
  deadline quiet_until_ = std::chrono::nanoseconds(0);  // one line about that in ten seconds is enough

  spin_lock lock_;  // all that follows
  connection_link live_, condemned_, ended_;
  std::size_t serving_ = 0, unreaped_ = 0;
  std::vector<unsigned> load_;  // connections per worker
  unsigned turn_ = 0;           // where the search for the least load begins
  wait_queue news_;             // the acceptor, while it waits for connections to end
};

}  // namespace weft::detail
