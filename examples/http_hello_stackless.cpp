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

// A peer that goes away ends its connection and is no error of ours, hence the error codes.
stackless::task<> serve_one(weft::net::tcp_stream peer) {
  std::error_code gone;
  peer.set_no_delay(true, gone);
  http::hello_session session;
  std::string out;
  std::array<std::byte, 512> bytes;  // in the frame as long as the connection lives; a longer request comes in parts
  for (bool keep_alive = true; keep_alive;) {
    const std::size_t count = co_await peer.async_read_some(bytes, gone);
    if (count == 0) co_return;
    out.clear();
    keep_alive = session.respond(text_of(std::span(bytes).first(count)), out);
    co_await peer.async_write_all(out, gone);
    if (gone) co_return;
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
