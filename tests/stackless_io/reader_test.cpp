// SPDX-License-Identifier: BSL-1.0
// Several tasks that read from one stream, one after the other.
#include <weft/stackless_io/streams.hpp>

#include <doctest/doctest.h>

#include <exception>
#include <stdexcept>
#include <string>
#include <utility>
#include <weft/stackless.hpp>

#include "support/loops.hpp"

namespace {

using namespace weft::stackless;
using weft::test::on_loops;

// Or what it failed with.
template <class What> task<std::string> text_of(What what) {
  try {
    co_return co_await std::move(what);
  } catch (const std::runtime_error& e) {
    co_return e.what();
  }
}

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

TEST_CASE("who waits for what has come whole before the stream fails gets it; the next one is told") {
  on_loops([]() -> task<> {
    for (const int how : {0, 1, 2}) {
      stream_reader r;
      r.feed_data("ab");
      const auto reads = [how](stream_reader from) {
        return how == 0 ? from.readline() : how == 1 ? from.readexactly(5) : from.readuntil(";\n");
      };
      auto waits = get_running_loop().create_task(reads(r));
      for (int i = 0; i < 4; ++i) co_await yield();
      r.feed_data("c;\n");
      r.set_exception(std::make_exception_ptr(std::runtime_error("broken")));
      CHECK(co_await text_of(waits) == "abc;\n");
      r.feed_data("abc;\n");
      CHECK(co_await text_of(reads(r)) == "broken");
      stream_reader failing;
      auto is_told = get_running_loop().create_task(reads(failing));
      for (int i = 0; i < 4; ++i) co_await yield();
      failing.set_exception(std::make_exception_ptr(std::runtime_error("broken before")));
      failing.feed_data("abc;\n");
      CHECK(co_await text_of(is_told) == "broken before");
    }
  });
}

TEST_CASE("the separator does not count for the limit; an endless line is thrown away whole") {
  on_loops([]() -> task<> {
    stream_reader r(4);
    r.feed_data("four\nfour\r\nfives\r\nendless");
    CHECK(co_await r.readline() == "four\n");
    CHECK(co_await r.readuntil("\r\n") == "four\r\n");
    CHECK(co_await text_of(r.readuntil("\r\n")) ==
          "weft::stackless: the separator is behind the limit: Message too long");
    CHECK(co_await r.readexactly(0) == "");
    CHECK(co_await r.readexactly(7) == "fives\r\n");
    CHECK(co_await text_of(r.readline()) == "weft::stackless: a line is longer than the limit: Message too long");
    r.feed_data("ok\n");
    CHECK(co_await r.readline() == "ok\n");
  });
}
