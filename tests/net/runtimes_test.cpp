// SPDX-License-Identifier: BSL-1.0
// Streams that fibers of several runtimes use, of which one may end.
#include <doctest/doctest.h>

#include <memory>
#include <weft/fiber/blocking.hpp>

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
