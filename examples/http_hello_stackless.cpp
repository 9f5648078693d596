// SPDX-License-Identifier: BSL-1.0
// http_hello_stackless [PORT]: http_hello with a stackless task for each connection instead of a fiber.
#include "http/hello_session.hpp"

#include <array>
#include <chrono>
#include <cstdio>
#include <exception>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

namespace {

using namespace std::chrono_literals;
namespace stackless = weft::stackless;

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Closing while the peer still sends would reset the connection, and the last answer might never be read. A coroutine of
// its own, because a frame keeps room for all that is awaited in it: idle connections need not have this.
stackless::task<> see_off(weft::net::tcp_stream& peer) {
  std::error_code gone;
  std::array<std::byte, 512> bytes;
  peer.shutdown_write(gone);
  const weft::deadline patience(1s);
  while (co_await peer.async_read_some(bytes, patience, gone) != 0) {
  }
}

struct reply {
  std::string text;
  enum { more, last, none } then = more;
};

// What has come is read into memory of this call's stack: what lies in the frame of the coroutine stays there while it
// waits, and so does what `text` holds.
reply answer(weft::net::tcp_stream& peer, http::hello_session& session) {
  reply made;
  std::error_code ec;
  std::array<std::byte, 4096> bytes;  // a longer request comes in parts
  const std::size_t count = peer.try_read_some(bytes, ec);
  if (count != 0)
    made.then = session.respond(text_of(std::span(bytes).first(count)), made.text) ? reply::more : reply::last;
  else if (ec != std::errc::operation_would_block)
    made.then = reply::none;
  return made;
}

// A peer that goes away ends its connection and is no error of ours, hence the error codes.
stackless::task<> serve_one(weft::net::tcp_stream peer) {
  std::error_code gone;
  peer.set_no_delay(true, gone);
  http::hello_session session;
  for (;;) {
    co_await peer.async_wait_readable(gone);
    if (gone) co_return;
    const reply next = answer(peer, session);
    if (next.then == reply::none) co_return;
    co_await peer.async_write_all(next.text, gone);
    if (gone) co_return;
    if (next.then == reply::last) break;
  }
  co_await see_off(peer);
}

stackless::task<> serve(std::string port) {
  weft::net::tcp_listener listener(weft::net::address::parse("127.0.0.1:" + port));
  std::printf("listening on %s\n", to_string(listener.local()).c_str());
  std::fflush(stdout);
  for (std::error_code refused;;) {
    weft::net::tcp_stream peer = co_await listener.async_accept(refused);
    if (refused) {  // no descriptors left, as a rule: those that close free some
      std::fprintf(stderr, "http_hello_stackless: %s\n", refused.message().c_str());
      co_await stackless::sleep(100ms);
    } else {
      stackless::create_task(serve_one(std::move(peer))).detach();
    }
  }
}

}  // namespace

int main(int argc, char** argv) try {
  stackless::run(serve(argc > 1 ? argv[1] : "0"));
} catch (const std::exception& error) {
  std::fprintf(stderr, "http_hello_stackless: %s\n", error.what());
  return 1;
}
