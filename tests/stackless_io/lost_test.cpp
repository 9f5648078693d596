// SPDX-License-Identifier: BSL-1.0
// Readers whose connection is lost.
#include <weft/stackless_io/streams.hpp>

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <weft/stackless.hpp>

#include "support/loops.hpp"

namespace {

using namespace weft::stackless;
using weft::net::address;
using weft::test::on_loops;

const address some_port = address::parse("127.0.0.1:0");

constexpr std::size_t enough = 1'000;

task<> say_enough(stream_reader, stream_writer writer) {
  writer.write(std::string(enough, 'x'));
  writer.close();
  co_await writer.wait_closed();
}

}  // namespace

TEST_CASE("what a closed connection had brought can be read, also where it was too much to go on reading") {
  on_loops([]() -> task<> {
    constexpr std::size_t limit = 16;
    auto serving = co_await start_server(say_enough, some_port);
    auto [reader, writer] = co_await open_connection(serving.local(), limit);
    while (writer.get_transport().is_reading()) co_await yield();
    writer.close();
    co_await writer.wait_closed();
    static_cast<void>(stream_writer(std::move(writer)));  // nobody has the connection
    std::string read = co_await reader.readexactly(2 * limit);
    read += co_await reader.read();
    CHECK(read == std::string(enough, 'x'));
    CHECK(reader.at_eof());
    serving.close();
    co_await serving.wait_closed();
  });
}
