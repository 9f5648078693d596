// SPDX-License-Identifier: BSL-1.0
// How servers begin, and how they end by themselves.
#include <weft/stackless_io/streams.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>
#include <weft/net/resolve.hpp>
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

template <class T> task<std::error_code> refusal_of(task<T> what) {
  try {
    static_cast<void>(co_await std::move(what));
    co_return std::error_code();
  } catch (const std::system_error& e) {
    co_return e.code();
  }
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

TEST_CASE("a server listens at several addresses, and at those of a host") {
  on_loops([]() -> task<> {
    const auto nowhere = address::parse("192.0.2.1:0");  // for documents
    const std::vector<address> none, not_here{nowhere}, some{own_port, nowhere, address::parse("127.0.0.2:0")};
    std::vector<server> all;
    all.push_back(co_await start_server(give_back, some));
    CHECK(all.back().addresses().size() == 2);
    all.push_back(co_await start_server(give_back, "127.0.0.1", 0));
    CHECK(all.back().addresses().size() == 1);
    all.push_back(co_await start_server(give_back, "localhost", 0));
    for (server& each : all) {
      CHECK(each.local() == each.addresses().front());
      for (const address& where : each.addresses()) {
        auto [reader, writer] = co_await open_connection(where);
        writer.write("one");
        CHECK(co_await reader.readexactly(3) == "one");
        writer.close();
        co_await writer.wait_closed();
      }
      each.close();
      co_await each.wait_closed();
      for (const address& where : each.addresses())
        CHECK(co_await refusal_of(open_connection(where)) == std::errc::connection_refused);
    }
    CHECK(co_await refusal_of(start_server(give_back, not_here)) == std::errc::address_not_available);
    CHECK(co_await refusal_of(start_server(give_back, none)) == std::errc::invalid_argument);
    const std::string nobody("127.0.0.1\0.example.org", 21);  // no name server is asked for that
    CHECK(co_await refusal_of(start_server(give_back, nobody, 0)) == weft::net::resolve_errc::host_not_found);
  });
}

TEST_CASE("a server is refused a limit of which its readers cannot be made") {
  on_loops([]() -> task<> {
    bool is_refused = false;
    try {
      static_cast<void>(co_await start_server(give_back, own_port, 0));
    } catch (const std::system_error& e) {
      is_refused = e.code() == std::errc::invalid_argument;
    }
    CHECK(is_refused);
  });
}

TEST_CASE("serve_forever ends when somebody else closes the server") {
  on_loops([]() -> task<> {
    auto serving = co_await start_server(give_back, own_port);
    auto forever = get_running_loop().create_task(refusal_of(serving.serve_forever()));
    co_await yield();
    CHECK_FALSE(forever.done());
    serving.close();
    CHECK(co_await forever == std::errc::operation_canceled);
    CHECK(co_await refusal_of(serving.serve_forever()) == std::errc::operation_canceled);
    co_await serving.wait_closed();
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
