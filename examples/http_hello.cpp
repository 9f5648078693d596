// SPDX-License-Identifier: BSL-1.0
// http_hello [PORT]: answers HTTP requests, a fiber for each connection. Port 0, the default, takes a free one and prints it.
#include "http/hello_session.hpp"

#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <weft/weft.hpp>

namespace {

using namespace std::chrono_literals;

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A peer that goes away ends its connection and is no error of ours, hence the error codes.
void serve_one(weft::net::tcp_stream peer) {
  std::error_code gone;
  peer.set_no_delay(true, gone);
  weft::net::buffered input(peer);  // has no buffer while there is nothing in it: an idle connection keeps none
  http::hello_session session;
  std::string out;
  for (bool keep_alive = true; keep_alive;) {
    const auto bytes = input.peek(gone);
    if (bytes.empty()) return;
    out.clear();
    keep_alive = session.respond(text_of(bytes), out);
    input.consume(bytes.size());
    peer.write_all(out, gone);
    if (gone) return;
  }
  // Closing while the peer still sends would reset the connection, and the last answer might never be read.
  peer.shutdown_write(gone);
  const weft::deadline patience(1s);
  while (!gone) {
    const auto dropped = input.peek(patience, gone);
    if (dropped.empty()) return;
    input.consume(dropped.size());
  }
}

}  // namespace

int main(int argc, char** argv) try {
  weft::run([&] {
    weft::net::tcp_listener listener(weft::net::address::parse(std::string("127.0.0.1:") + (argc > 1 ? argv[1] : "0")));
    std::printf("listening on %s\n", to_string(listener.local()).c_str());
    std::fflush(stdout);
    weft::net::serve(listener, serve_one);
  });
} catch (const std::exception& error) {
  std::fprintf(stderr, "http_hello: %s\n", error.what());
  return 1;
}
