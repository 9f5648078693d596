// SPDX-License-Identifier: BSL-1.0
// mixed_stackless [PORT]: mixed_fiber with a task for each connection.
#include "support/computing.hpp"

#include <cstdio>
#include <exception>
#include <span>
#include <string>
#include <system_error>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

namespace {

namespace stackless = weft::stackless;

stackless::task<> answer(weft::net::tcp_stream peer) {
  try {
    peer.set_no_delay(true);
    bench::request asked;
    const auto bytes = std::as_writable_bytes(std::span(&asked, 1));
    for (;;) {
      co_await peer.async_read_exact(bytes);
      asked.result = bench::computed(asked.rounds);
      co_await peer.async_write_all(bytes);
    }
  } catch (const std::system_error&) {  // the peer is gone
  }
}

stackless::task<> serve(std::string port) {
  weft::net::tcp_listener listener(weft::net::address::parse("127.0.0.1:" + port));
  std::printf("listening on %s\n", to_string(listener.local()).c_str());
  std::fflush(stdout);
  for (;;) stackless::create_task(answer(co_await listener.async_accept())).detach();
}

}  // namespace

int main(int argc, char** argv) try {
  weft::options one;
  one.workers = 1;
  stackless::run(serve(argc > 1 ? argv[1] : "0"), one);
} catch (const std::exception& error) {
  std::fprintf(stderr, "mixed_stackless: %s\n", error.what());
  return 1;
}
