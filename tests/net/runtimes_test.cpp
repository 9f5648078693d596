// SPDX-License-Identifier: BSL-1.0
// Streams that fibers of several runtimes use, of which one may end.
#include <doctest/doctest.h>

#include <memory>
#include <weft/fiber/blocking.hpp>

#include <weft/net/udp_socket.hpp>

#include "net/loopback.hpp"
#include "net/worlds.hpp"

using namespace weft::test;
using namespace weft::net;
using namespace std::chrono_literals;

namespace {

weft::options one_worker() {
  weft::options with;
  with.workers = 1;
  return with;
}

// From then on that runtime listens for it.
void wait_in_vain(weft::runtime& of, unix_stream& in) {
  std::byte one[1];
  of.spawn([&] { CHECK_THROWS_AS(static_cast<void>(in.read_some(one, 1ms)), weft::timed_out); }).join();
}

}  // namespace

TEST_CASE("what a runtime has waited for that was shut down is heard by another one") {
  auto [from, to] = unix_stream::pair();
  weft::runtime first(one_worker());
  wait_in_vain(first, to);
  first.shutdown();
  weft::run(
      [&, &from = from, &to = to] {
        const world w(true);
        auto reader = w.start([&] { CHECK(read_text(to, 1) == "x"); });
        w.until_waiting(1);
        from.write_all("x");
        reader.join();
      },
      one_worker());
}

TEST_CASE("who waits where another runtime listens goes on when that is shut down") {
  auto [from, to] = unix_stream::pair();
  weft::runtime first(one_worker());
  wait_in_vain(first, to);
  weft::run(
      [&, &from = from, &to = to] {
        const world w(true);
        auto reader = w.start([&] { CHECK(read_text(to, 1) == "x"); });
        w.until_waiting(1);
        weft::blocking([&] { first.shutdown(); });
        from.write_all("x");
        reader.join();
      },
      one_worker());
}

TEST_CASE("who waits for input does not take the end of the runtime that listens for it") {
  auto [from, to] = unix_stream::pair();
  udp_socket datagrams(any_port());
  weft::runtime first(one_worker());
  wait_in_vain(first, to);
  first.spawn([&] { CHECK_THROWS_AS(datagrams.wait_readable(1ms), weft::timed_out); }).join();
  weft::run(
      [&, &from = from, &to = to] {
        const world w(true);
        std::error_code stream_error, datagram_error;
        std::byte one[1];
        auto reader = w.start([&] {
          to.wait_readable();
          CHECK(to.try_read_some(one, stream_error) == 1);
        });
        auto receiver = w.start([&] {
          datagrams.wait_readable();
          CHECK(datagrams.receive_from(one, 0s, datagram_error).first == 1);
        });
        w.until_waiting(2);
        weft::blocking([&] { first.shutdown(); });
        for (int i = 0; i < 200; ++i) weft::this_fiber::yield();  // they would run now
        from.write_all("x");
        datagrams.send_to("x", datagrams.local());
        reader.join();
        receiver.join();
        CHECK_FALSE(stream_error);
        CHECK_FALSE(datagram_error);
      },
      one_worker());
}
