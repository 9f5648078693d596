// SPDX-License-Identifier: BSL-1.0
// echo_stackless [PORT]: the echo server on stackless tasks, one worker. What has come is read into memory of a call's stack,
// so that all connections read into the same hot block and their frames have none.
#include <array>
#include <cstdio>
#include <exception>
#include <span>
#include <string>
#include <system_error>
#include <vector>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

namespace {

namespace stackless = weft::stackless;

// Sends back what has come; what the kernel does not take at once is left in `rest`. False: the peer has gone.
bool pass_back(weft::net::tcp_stream& peer, std::vector<std::byte>& rest) {
  std::array<std::byte, 16384> bytes;
  std::error_code ec;
  const std::size_t count = peer.try_read_some(bytes, ec);
  if (count == 0) return ec == std::errc::operation_would_block;
  const std::size_t sent = peer.try_write_some(std::span(bytes).first(count), ec);
  rest.assign(bytes.begin() + sent, bytes.begin() + count);
  return !ec || ec == std::errc::operation_would_block;
}

stackless::task<> echo(weft::net::tcp_stream peer) {
  std::error_code gone;
  peer.set_no_delay(true, gone);
  while (!gone) {
    co_await peer.async_wait_readable(gone);
    std::vector<std::byte> rest;
    if (gone || !pass_back(peer, rest)) co_return;
    if (!rest.empty()) co_await peer.async_write_all(rest, gone);
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
