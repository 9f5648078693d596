// SPDX-License-Identifier: BSL-1.0
// Several tasks that read from one stream, one after the other.
#include <weft/stackless_io/streams.hpp>

#include <doctest/doctest.h>

#include <weft/stackless.hpp>

#include "support/loops.hpp"

namespace {

using namespace weft::stackless;
using weft::test::on_loops;

}  // namespace

TEST_CASE("a reader that is told and cancelled at once takes no data from the next one that waits") {
  on_loops([]() -> task<> {
    stream_reader r;
    auto& loop = get_running_loop();
    auto first = loop.create_task(r.read(1));
    for (int i = 0; i < 4; ++i) co_await yield();
    r.feed_data("x");
    first.cancel();
    CHECK(co_await r.read(1) == "x");
    bool fed = false;
    loop.call_soon([&] {
      loop.call_soon([&] {
        fed = true;
        r.feed_data("y");
      });
    });
    CHECK(co_await r.read(1) == "y");
    CHECK(fed);
    CHECK(first.cancelled());
  });
}

TEST_CASE("one who is cancelled while it reads to the end leaves what had come") {
  on_loops([]() -> task<> {
    stream_reader r;
    r.feed_data("abc");
    auto reads = get_running_loop().create_task(r.read());
    for (int i = 0; i < 4; ++i) co_await yield();
    r.feed_data("def");
    for (int i = 0; i < 4; ++i) co_await yield();
    reads.cancel();
    while (!reads.done()) co_await yield();
    r.feed_eof();
    CHECK(co_await r.read() == "abcdef");
  });
}
