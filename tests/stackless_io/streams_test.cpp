// SPDX-License-Identifier: BSL-1.0
// Streams and servers against what asyncio documents.
#include <weft/stackless_io/streams.hpp>

#include <doctest/doctest.h>

#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>
#include <weft/net/error.hpp>
#include <weft/net/resolve.hpp>
#include <weft/stackless.hpp>

#include "support/loops.hpp"
#include "support/scale.hpp"

namespace {

using namespace weft::stackless;
using weft::net::address;
using weft::test::on_loops;

const address anywhere = address::parse("127.0.0.1:0");

template <class Error, class What> task<bool> throws(What what, bool (*is_right)(const Error&) = nullptr) {
  try {
    (void)co_await std::move(what);
  } catch (const Error& e) {
    co_return !is_right || is_right(e);
  }
  co_return false;
}

task<> echo(stream_reader reader, stream_writer writer) {
  while (!reader.at_eof()) {
    writer.write(co_await reader.read(4096));
    co_await writer.drain();
  }
  writer.close();
  co_await writer.wait_closed();
}

}  // namespace

TEST_CASE("a reader that is fed by hand: read, readline, readexactly, readuntil, at_eof") {
  on_loops([]() -> task<> {
    stream_reader r;
    r.feed_data("one\ntwo\nthree");
    CHECK(co_await r.readline() == "one\n");
    CHECK(co_await r.read(2) == "tw");
    CHECK(co_await r.readexactly(2) == "o\n");
    get_running_loop().call_soon([r]() mutable {
      r.feed_data("-fo");
      get_running_loop().call_soon([r]() mutable { r.feed_data("ur;rest"); });
    });
    CHECK(co_await r.readuntil("our;") == "three-four;");
    CHECK(co_await r.read(0) == "");
    CHECK_FALSE(r.at_eof());
    r.feed_eof();
    CHECK_FALSE(r.at_eof());
    CHECK(co_await r.read() == "rest");
    CHECK(r.at_eof());
    CHECK(co_await r.read(10) == "");
    CHECK(co_await r.readline() == "");
  });
}

TEST_CASE("the end of the stream in the middle: incomplete_read has what there was; readline gives it") {
  on_loops([]() -> task<> {
    stream_reader r;
    r.feed_data("abc");
    r.feed_eof();
    CHECK(co_await throws<incomplete_read>(r.readexactly(5), [](const incomplete_read& e) {
      return e.partial() == "abc" && e.expected() == 5 && e.code() == weft::net::stream_errc::end_of_stream;
    }));
    CHECK(r.at_eof());
    stream_reader s;
    s.feed_data("abc");
    s.feed_eof();
    CHECK(co_await throws<incomplete_read>(
        s.readuntil(";"), [](const incomplete_read& e) { return e.partial() == "abc" && e.expected() == 0; }));
    stream_reader t;
    t.feed_data("last");
    t.feed_eof();
    CHECK(co_await t.readline() == "last");
  });
}

TEST_CASE("limits: readuntil leaves what it looked at, readline throws it away") {
  on_loops([]() -> task<> {
    stream_reader r(4);
    r.feed_data("abcdefgh");
    CHECK(co_await throws<limit_overrun>(r.readuntil(";"), [](const limit_overrun& e) { return e.consumed() == 8; }));
    r.feed_data(";x;");
    CHECK(co_await throws<limit_overrun>(r.readuntil(";"), [](const limit_overrun& e) { return e.consumed() == 8; }));
    CHECK(co_await r.readexactly(9) == "abcdefgh;");
    CHECK(co_await r.readuntil(";") == "x;");
    r.feed_data("toolong\nnext\n");
    CHECK(co_await throws<std::system_error>(
        r.readline(), [](const std::system_error& e) { return e.code() == std::errc::message_size; }));
    CHECK(co_await r.readline() == "next\n");
    CHECK(co_await throws<std::system_error>(
        r.readuntil(""), [](const std::system_error& e) { return e.code() == std::errc::invalid_argument; }));
  });
}

TEST_CASE(
    "a second task that reads is refused, an exception reaches the one that waits, a cancelled one has read nothing") {
  on_loops([]() -> task<> {
    auto& loop = get_running_loop();
    stream_reader r;
    auto first = loop.create_task(r.readline());
    co_await yield();
    CHECK(co_await throws<std::system_error>(
        r.read(1), [](const std::system_error& e) { return e.code() == std::errc::resource_deadlock_would_occur; }));
    first.cancel();
    while (!first.done()) co_await yield();
    CHECK(first.cancelled());
    auto second = loop.create_task(r.readline());
    co_await yield();
    r.set_exception(std::make_exception_ptr(std::runtime_error("broken")));
    CHECK(co_await throws<std::runtime_error>(second));
    CHECK(co_await throws<std::runtime_error>(r.read(1)));
  });
}

TEST_CASE("a conversation over a connection, with the end of the stream in one direction") {
  on_loops([]() -> task<> {
    auto serving = co_await start_server(echo, anywhere);
    CHECK(serving.is_serving());
    auto [reader, writer] = co_await open_connection(serving.local());
    CHECK(writer.get_transport().remote() == serving.local());
    CHECK(writer.get_transport().local().ip() == serving.local().ip());
    for (int i = 0; i < 10; ++i) {
      writer.write("line " + std::to_string(i) + "\n");
      co_await writer.drain();
      CHECK(co_await reader.readline() == "line " + std::to_string(i) + "\n");
    }
    const std::vector<std::string> lines{"first\n", "second\n"};
    writer.writelines(lines);
    writer.write(std::as_bytes(std::span(lines.front())));
    for (const auto* line : {"first\n", "second\n", "first\n"}) CHECK(co_await reader.readline() == line);
    writer.write("last");
    writer.write_eof();
    CHECK(co_await throws<invalid_state>([](stream_writer w) -> task<> {
      w.write("more");
      co_return;
    }(writer)));
    CHECK(co_await reader.read() == "last");
    CHECK(reader.at_eof());
    writer.close();
    co_await writer.wait_closed();
    CHECK(writer.is_closing());
    serving.close();
    co_await serving.wait_closed();
    CHECK_FALSE(serving.is_serving());
    CHECK(co_await throws<std::system_error>(open_connection(serving.local())));
  });
}

TEST_CASE("water marks: drain waits while the peer does not read, and a writer that ignores it only buffers") {
  on_loops([]() -> task<> {
    future<> may_read;
    future<std::size_t> got;
    // Named, because g++ 12 destroys the captures of a closure twice that is written inside a co_await.
    auto reads_when_told = [may_read, got](stream_reader reader, stream_writer writer) -> task<> {
      return [](future<> gate, future<std::size_t> result, stream_reader r, stream_writer w) -> task<> {
        co_await gate;
        result.set_result((co_await r.read()).size());
        w.close();
      }(may_read, got, std::move(reader), std::move(writer));
    };
    auto serving = co_await start_server(std::move(reads_when_told), anywhere, 1000);
    auto [reader, writer] = co_await open_connection(serving.local());
    writer.get_transport().set_write_buffer_limits(1000);
    CHECK(writer.get_transport().get_write_buffer_limits().low == 250);
    const std::size_t size = weft::test::scaled(16 << 20, 8 << 20);  // beyond what the kernel keeps
    writer.write(std::string(size, 'x'));
    auto draining = get_running_loop().create_task(writer.drain());
    for (int i = 0; i < 20; ++i) co_await yield();
    CHECK_FALSE(draining.done());
    CHECK(writer.get_transport().get_write_buffer_size() > 1000);
    may_read.set_result();
    co_await draining;
    CHECK(writer.get_transport().get_write_buffer_size() <= 250);
    writer.write_eof();
    CHECK(co_await got == size);
    writer.close();
    co_await writer.wait_closed();
    serving.close();
    co_await serving.wait_closed();
  });
}

TEST_CASE("a lost connection: drain and reads throw what it was lost with") {
  on_loops([]() -> task<> {
    auto serving = co_await start_server(
        [](stream_reader, stream_writer writer) -> task<> {
          writer.get_transport().abort();
          return [](stream_writer w) -> task<> { co_await w.wait_closed(); }(std::move(writer));
        },
        anywhere);
    auto [reader, writer] = co_await open_connection(serving.local());
    CHECK(co_await reader.read() == "");
    writer.close();
    co_await writer.wait_closed();
    CHECK(co_await throws<std::system_error>(
        writer.drain(), [](const std::system_error& e) { return e.code() == std::errc::connection_reset; }));
    serving.close();
    co_await serving.wait_closed();
  });
}

TEST_CASE("when a server is closed nobody connects to it any more") {
  on_loops([]() -> task<> {
    auto serving = co_await start_server(echo, anywhere);
    co_await yield();  // it accepts now
    serving.close();
    co_await serving.wait_closed();
    CHECK(co_await throws<std::system_error>(open_connection(serving.local()), [](const std::system_error& e) {
      return e.code() == std::errc::connection_refused;
    }));
  });
}

TEST_CASE("a server that is closed before it has begun to accept is closed") {
  on_loops([]() -> task<> {
    auto serving = co_await start_server(echo, anywhere);
    serving.close();
    co_await serving.wait_closed();
    CHECK(co_await throws<std::system_error>(open_connection(serving.local()), [](const std::system_error& e) {
      return e.code() == std::errc::connection_refused;
    }));
  });
}

TEST_CASE("what a server's callback throws goes to the exception handler, and its connection is closed") {
  event_loop loop;
  std::string said;
  loop.set_exception_handler([&](event_loop&, const error_context& what) { said += what.message; });
  loop.run_until_complete([]() -> task<> {
    auto serving = co_await start_server(
        [](stream_reader, stream_writer) -> task<> { throw std::runtime_error("no service"); }, anywhere);
    auto [reader, writer] = co_await open_connection(serving.local());
    CHECK(co_await reader.read() == "");
    writer.close();
    co_await writer.wait_closed();
    serving.close();
    co_await serving.wait_closed();
  }());
  CHECK(said == "Unhandled exception in the callback of start_server()");
}

TEST_CASE("a protocol is told of the connection, its data, its end and its loss, in that order") {
  on_loops([]() -> task<> {
    struct recorder : protocol {
      std::string log;
      future<> over;
      void connection_made(transport& t) override {
        log += "made,";
        t.write("hello");
        t.write_eof();
      }
      void data_received(std::span<const std::byte> data) override {
        log.append(reinterpret_cast<const char*>(data.data()), data.size());
      }
      bool eof_received() override {
        log += ",eof";
        return false;
      }
      void connection_lost(std::exception_ptr error) override {
        log += error ? ",lost with error" : ",lost";
        over.set_result();
      }
    };
    auto serving = co_await start_server(echo, anywhere);
    const auto made = co_await create_connection([] { return std::make_shared<recorder>(); }, serving.local());
    auto& told = static_cast<recorder&>(*made.second);
    co_await told.over;
    CHECK(told.log == "made,hello,eof,lost");
    serving.close();
    co_await serving.wait_closed();
  });
}

TEST_CASE("serve_forever ends by its cancellation, and closes") {
  on_loops([]() -> task<> {
    auto serving = co_await start_server(echo, anywhere);
    auto forever = get_running_loop().create_task(serving.serve_forever());
    co_await yield();
    forever.cancel();
    while (!forever.done()) co_await yield();
    CHECK(forever.cancelled());
    CHECK_FALSE(serving.is_serving());
  });
}

TEST_CASE("many conversations at once") {
  on_loops([]() -> task<> {
    auto serving = co_await start_server(echo, anywhere);
    const auto talk = [](address to) -> task<int> {
      auto [reader, writer] = co_await open_connection(to);
      int right = 0;
      for (int i = 0; i < 5; ++i) {
        writer.write("x\n");
        co_await writer.drain();
        right += co_await reader.readline() == "x\n";
      }
      writer.close();
      co_await writer.wait_closed();
      co_return right;
    };
    std::vector<task<int>> all;
    const std::size_t count = weft::test::scaled(50, 5);
    for (std::size_t i = 0; i < count; ++i) all.push_back(talk(serving.local()));
    for (const int right : co_await gather(std::move(all))) CHECK(right == 5);
    serving.close();
    co_await serving.wait_closed();
  });
}

TEST_CASE("a connection by the name of a host tries its addresses in turn") {
  on_loops([]() -> task<> {
    auto at = co_await start_server(echo, anywhere);
    for (const char* host : {"127.0.0.1", "localhost"}) {
      auto [reader, writer] = co_await open_connection(host, at.local().port());
      writer.write("by name\n");
      CHECK(co_await reader.readline() == "by name\n");
      writer.close();
      co_await writer.wait_closed();
    }
    const auto port = at.local().port();
    at.close();
    co_await at.wait_closed();
    CHECK(co_await throws<std::system_error>(open_connection("localhost", port), [](const std::system_error& e) {
      return e.code() == std::errc::connection_refused;
    }));
    CHECK(co_await throws<std::system_error>(open_connection("no such host", port), [](const std::system_error& e) {
      return e.code().category() == weft::net::resolve_category();
    }));
  });
}
