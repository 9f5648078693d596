// SPDX-License-Identifier: BSL-1.0
// A server: a fiber for each connection.
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <source_location>
#include <utility>
#include <weft/detail/net/server.hpp>
#include <weft/net/serve_options.hpp>
#include <weft/net/stream_socket.hpp>

namespace weft::net {

// Accepts connections and runs `handler(stream)` for each on a fiber of its own, which gives it the stream, or lends it if
// it takes a reference to an lvalue; these are spread over the workers by load, so the handler must be fit to be called on
// several threads at once. Parks. Returns when another fiber has closed the listener and all connections have ended. When
// the calling fiber is cancelled it accepts no more, gives the connections `grace`, cancels those that are left, waits for
// their end, and then throws `cancelled`.
//
// A handler that throws ends its own connection alone, see serve_options::on_error. While there are no fds or no memory
// it pauses, up to a second, and says so on stderr, every ten seconds at most; connections wait meanwhile. What else
// accept says is thrown. Fiber only, else operation_not_permitted.
template <class Listener, class Handler>
requires std::invocable<Handler&, typename Listener::stream_type> ||
    std::invocable<Handler&, typename Listener::stream_type&>
void serve(Listener& listener, Handler handler, serve_options with = {},
           std::source_location where = std::source_location::current()) {
  struct one final : detail::connection {
    explicit one(Handler& h) : handler(h) {}
    void handle() override {
      auto lent = std::move(stream);  // ends with the handler, not when the server looks
      if constexpr (std::invocable<Handler&, typename Listener::stream_type>)
        std::invoke(handler, std::move(lent));
      else
        std::invoke(handler, lent);
    }

    Handler& handler;
    typename Listener::stream_type stream;
  };
  struct accepting final : detail::server::acceptor {
    accepting(Listener& l, Handler& h) : listener(l), handler(h) {}
    std::unique_ptr<detail::connection> accept(std::error_code& ec) override {
      auto fresh = std::make_unique<one>(handler);  // first, so that what is accepted has its place
      fresh->stream = listener.accept(never, ec);
      if (ec) return nullptr;
      if constexpr (std::derived_from<typename Listener::stream_type, stream_socket>)
        fresh->peer = detail::peer_access::of(fresh->stream);
      return fresh;
    }
    [[nodiscard]] address where() const override { return listener.local(); }

    Listener& listener;
    Handler& handler;
  };

  if (!listener.is_open()) static_cast<void>(listener.accept());  // throws what is wrong
  accepting from(listener, handler);
  detail::server(std::move(with), where).run(from);
}

}  // namespace weft::net
