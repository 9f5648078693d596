// SPDX-License-Identifier: BSL-1.0
// How servers begin, and how they end by themselves.
#include <weft/stackless_io/streams.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <system_error>
#include <utility>
#include <weft/stackless.hpp>

#include "support/loops.hpp"

namespace {

using namespace weft::stackless;
using weft::net::address;
using weft::test::on_loops;

const address own_port = address::parse("127.0.0.1:0");

task<> give_back(stream_reader reader, stream_writer writer) {
  while (!reader.at_eof()) writer.write(co_await reader.read(4096));
  writer.close();
  co_await writer.wait_closed();
}

}  // namespace

TEST_CASE("a server whose last copy goes does not listen any more; its connections stay") {
  on_loops([]() -> task<> {
    std::optional<server> serving = co_await start_server(give_back, own_port);
    const address where = serving->local();
    auto [reader, writer] = co_await open_connection(where);
    writer.write("one");
    CHECK(co_await reader.readexactly(3) == "one");
    serving.reset();
    for (bool refused = false; !refused;) {
      try {
        auto both = co_await open_connection(where);
        both.second.close();
      } catch (const std::system_error&) {
        refused = true;
      }
    }
    writer.write("two");
    CHECK(co_await reader.readexactly(3) == "two");
    writer.close();
    co_await writer.wait_closed();
  });
}

TEST_CASE("a server is refused a limit of which its readers cannot be made") {
  on_loops([]() -> task<> {
    bool is_refused = false;
    try {
      co_await start_server(give_back, own_port, 0);
    } catch (const std::system_error& e) {
      is_refused = e.code() == std::errc::invalid_argument;
    }
    CHECK(is_refused);
  });
}

TEST_CASE("a server may go after its loop") {
  std::optional<server> goes_late;
  {
    event_loop loop;
    loop.run_until_complete([&goes_late]() -> task<> {
      goes_late = co_await start_server(give_back, own_port);
      co_await yield();
    }());
    loop.close();
  }
  goes_late.reset();
  event_loop loop;
  auto between = loop.run_until_complete(start_server(give_back, own_port));
  CHECK(between.is_serving());
}
