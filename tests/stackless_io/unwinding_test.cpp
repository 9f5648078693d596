// SPDX-License-Identifier: BSL-1.0
// What tasks wait for when the runtime ends, on their way out.
#include <weft/stackless_io/streams.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <utility>
#include <weft/stackless.hpp>
#include <weft/stackless_io/lock.hpp>

#include "support/scale.hpp"

namespace {

using namespace weft::stackless;

const auto local_port = weft::net::address::parse("127.0.0.1:0");

task<> for_ever(stream_reader, stream_writer) { co_await sleep(weft::never); }

// A server, and a client that has more to say than its peer takes; each is closed when it is cancelled.
task<> converse(int& closed, std::function<void()> talks) {
  auto served = co_await start_server(&for_ever, local_port);
  auto [reader, writer] = co_await open_connection(served.local());
  bool is_cancelled = false;
  try {
    for (int said = 0;; ++said) {
      writer.write(std::string(100'000, 'x'));
      co_await writer.drain();
      if (said == 3) talks();
    }
  } catch (const weft::cancelled&) {
    is_cancelled = true;
  }
  if (!is_cancelled) co_return;
  writer.write("and this");
  writer.close();
  co_await writer.wait_closed();
  ++closed;
  served.close();
  co_await served.wait_closed();
  ++closed;
  throw weft::cancelled();
}

}  // namespace

TEST_CASE("connections and servers can be closed, and that waited for, while a loop is being closed") {
  int closed = 0;
  event_loop loop;
  loop.set_exception_handler([](event_loop&, const error_context&) {});
  auto talks = loop.create_task(converse(closed, [&] { loop.stop(); }));
  loop.run_forever();
  CHECK_FALSE(talks.done());
  loop.close();
  CHECK(talks.cancelled());
  CHECK(closed == 2);
}

TEST_CASE("connections and servers can be closed, and that waited for, while a runtime ends") {
  int closed = 0;
  const auto main_task = [&closed]() -> task<> {
    event talks;
    auto talking = create_task(converse(closed, [&talks] { talks.set(); }));
    co_await talks.wait();
    std::move(talking).detach();
  };
  weft::stackless::run(main_task(), {.workers = weft::test::workers()});
  CHECK(closed == 2);
}
