// SPDX-License-Identifier: BSL-1.0
// echo_stackless [PORT]: the echo server on stackless tasks, one worker.
#include <array>
#include <cstdio>
#include <exception>
#include <span>
#include <string>
#include <system_error>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

namespace {

namespace stackless = weft::stackless;

stackless::task<> echo(weft::net::tcp_stream peer) {
  try {
    peer.set_no_delay(true);
    std::array<std::byte, 16384> bytes;
    while (const std::size_t count = co_await peer.async_read_some(bytes)) {
      co_await peer.async_write_all(std::span(bytes).first(count));
    }
  } catch (const std::system_error&) {  // the peer broke off
  }
}

stackless::task<> serve(std::string port) {
  weft::net::tcp_listener listener(weft::net::address::parse("127.0.0.1:" + port));
  std::printf("listening on %s\n", to_string(listener.local()).c_str());
  std::fflush(stdout);
  for (;;) stackless::create_task(echo(co_await listener.async_accept())).detach();
}

}  // namespace

int main(int argc, char** argv) try {
  weft::options one;
  one.workers = 1;
  stackless::run(serve(argc > 1 ? argv[1] : "0"), one);
} catch (const std::exception& error) {
  std::fprintf(stderr, "echo_stackless: %s\n", error.what());
  return 1;
}
