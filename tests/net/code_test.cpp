// SPDX-License-Identifier: BSL-1.0
// The forms of operations that say in an error code what the others throw.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <array>
#include <span>
#include <string>
#include <system_error>
#include <weft/net/buffered.hpp>
#include <weft/net/file.hpp>
#include <weft/net/pipe.hpp>
#include <weft/net/udp_socket.hpp>
#include <weft/net/wait.hpp>

#include "net/loopback.hpp"
#include "net/worlds.hpp"

using namespace weft::test;
using namespace weft::net;
using namespace std::chrono_literals;
using weft::timed_out;

namespace {

// What it says in its code, which held something else before.
template <class Operation> std::error_code code_of(Operation&& operation) {
  auto code = std::make_error_code(std::errc::io_error);
  operation(code);
  return code;
}
#define CODE(...) code_of([&](std::error_code& ec) { __VA_ARGS__; })

const_buffer bytes(const char* text) { return std::as_bytes(std::span(text, std::string(text).size())); }

}  // namespace

TEST_CASE("a stream says in a code how a whole read or write, a wait or a setting ended") {
  in_both_worlds([](const world&) {
    tcp_pair p;
    std::array<std::byte, 3> three;
    CHECK_FALSE(CODE(CHECK(p.client.write_all("abcdef", 20s, ec) == 6)));
    CHECK_FALSE(CODE(p.server.wait_readable(ec)));
    CHECK_FALSE(CODE(CHECK(p.server.read_exact(three, 20s, ec) == 3)));
    CHECK(text_of(three) == "abc");
    std::array<std::byte, 4> four;
    CHECK(CODE(CHECK(p.server.read_exact(four, 1ms, ec) == 3)) == std::errc::timed_out);
    CHECK(CODE(p.server.wait_readable(1ms, ec)) == std::errc::timed_out);
    CHECK_FALSE(CODE(p.client.set_no_delay(true, ec)));
    CHECK_FALSE(CODE(p.client.set_keep_alive(true, ec)));

    p.client.wait_writable(20s);
    CHECK_FALSE(CODE(p.client.wait_writable(ec)));
    CHECK_FALSE(CODE(p.client.wait_writable(20s, ec)));
    const auto much = pattern(100'000);
    while (CODE((void)p.client.try_write_some(much, ec)) != std::errc::operation_would_block) {
    }
    CHECK(CODE(p.client.wait_writable(1ms, ec)) == std::errc::timed_out);
    CHECK_THROWS_AS(p.client.wait_writable(1ms), timed_out);

    p.client.close();
    CHECK(CODE(CHECK(p.client.write_all("x", 20s, ec) == 0)) == std::errc::bad_file_descriptor);
    CHECK(CODE(CHECK(p.client.read_exact(three, 20s, ec) == 0)) == std::errc::bad_file_descriptor);
    CHECK(CODE(p.client.wait_readable(ec)) == std::errc::bad_file_descriptor);
    CHECK(CODE(p.client.wait_writable(ec)) == std::errc::bad_file_descriptor);
    CHECK(CODE(p.client.set_no_delay(true, ec)) == std::errc::bad_file_descriptor);
    CHECK(CODE(p.client.set_keep_alive(true, ec)) == std::errc::bad_file_descriptor);
  });
}

TEST_CASE("what is buffered over a stream says in a code how each operation ended") {
  in_both_worlds([](const world&) {
    tcp_pair p;
    buffered reading(p.server), writing(p.client);
    CHECK_FALSE(CODE(CHECK(writing.write_all(bytes("one;"), ec) == 4)));
    CHECK_FALSE(CODE(CHECK(writing.write_all(bytes("two;"), 20s, ec) == 4)));
    writing.write_all(bytes("abc"), 20s);
    CHECK_FALSE(CODE(CHECK(writing.write_all("def", 20s, ec) == 3)));
    CHECK_FALSE(CODE(CHECK(writing.write_some(bytes("g"), ec) == 1)));
    CHECK_FALSE(CODE(writing.flush(20s, ec)));
    CHECK_FALSE(CODE(CHECK(reading.peek(ec).size() > 0)));
    CHECK_FALSE(CODE(CHECK(reading.peek(20s, ec).size() > 0)));
    CHECK_FALSE(CODE(CHECK(text_of(reading.peek(4, 20s, ec)).starts_with("one;"))));
    CHECK_FALSE(CODE(CHECK(reading.read_until(";", ec) == "one")));
    CHECK_FALSE(CODE(CHECK(reading.read_until(";", 20s, ec) == "two")));
    std::array<std::byte, 3> three;
    CHECK_FALSE(CODE(CHECK(reading.read_exact(three, 20s, ec) == 3)));
    CHECK(text_of(three) == "abc");
    CHECK_FALSE(CODE(CHECK(reading.read_some(three, ec) > 0)));
    p.client.shutdown_write();
    while (reading.read_some(three) > 0) {
    }
    CHECK(CODE(CHECK(reading.peek(2, 20s, ec).empty())) == std::error_code());
    CHECK(CODE(CHECK(reading.read_until(";", 20s, ec) == std::nullopt)) == std::error_code());
    CHECK(CODE(CHECK(reading.read_exact(three, 20s, ec) == 0)) == stream_errc::end_of_stream);
    p.client.close();
    writing.write_all("x");
    CHECK(CODE(writing.flush(20s, ec)) == std::errc::bad_file_descriptor);
  });
}

TEST_CASE("a udp socket says in a code how each operation ended") {
  in_both_worlds([](const world&) {
    udp_socket one(any_port()), other(any_port());
    std::array<std::byte, 9> room;
    CHECK_FALSE(CODE(one.connect(other.local(), ec)));
    CHECK_FALSE(CODE(CHECK(one.send(bytes("abc"), ec) == 3)));
    CHECK_FALSE(CODE(other.wait_readable(ec)));
    CHECK_FALSE(CODE(other.wait_readable(20s, ec)));
    CHECK_FALSE(CODE(CHECK(other.receive(room, ec) == 3)));
    CHECK_FALSE(CODE(CHECK(other.send_to(bytes("defg"), one.local(), ec) == 4)));
    CHECK_FALSE(CODE(CHECK(one.receive(room, 20s, ec) == 4)));
    CHECK_FALSE(CODE(CHECK(other.send_to("hi", one.local(), 20s, ec) == 2)));
    CHECK_FALSE(CODE(CHECK(one.receive(room, 20s, ec) == 2)));
    CHECK(CODE(CHECK(one.receive(room, 1ms, ec) == 0)) == std::errc::timed_out);
    CHECK(CODE(one.wait_readable(1ms, ec)) == std::errc::timed_out);
    CHECK(CODE(CHECK(other.send(bytes("x"), ec) == 0)) == std::errc::destination_address_required);
    one.close();
    CHECK(CODE(one.connect(other.local(), ec)) == std::errc::bad_file_descriptor);
    CHECK(CODE(one.wait_readable(ec)) == std::errc::bad_file_descriptor);
    CHECK(CODE(CHECK(one.receive(room, ec) == 0)) == std::errc::bad_file_descriptor);
  });
}

TEST_CASE("a file says in a code how each operation ended") {
  in_both_worlds([](const world&) {
    const temporary_directory directory;
    const auto path = directory.file("some");
    file f;
    CHECK(CODE(f = file::open(path, open_mode::write, 0600, ec)) == std::errc::no_such_file_or_directory);
    CHECK_FALSE(f.is_open());
    CHECK_FALSE(CODE(f = file::open(path, open_mode::read | open_mode::write | open_mode::create, 0600, ec)));
    struct stat status;
    CHECK(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    std::array<std::byte, 9> room;
    CHECK_FALSE(CODE(CHECK(f.write_at(2, bytes("abc"), ec) == 3)));
    CHECK_FALSE(CODE(CHECK(f.size(ec) == 5)));
    CHECK_FALSE(CODE(CHECK(f.read_at(3, room, ec) == 2)));
    CHECK_FALSE(CODE(f.resize(4, ec)));
    CHECK(f.size() == 4);
    CHECK_FALSE(CODE(f.sync(ec)));
    CHECK_FALSE(CODE(f.sync_data(ec)));
    f.close();
    CHECK(CODE(CHECK(f.write_at(0, bytes("x"), ec) == 0)) == std::errc::bad_file_descriptor);
    CHECK(CODE(CHECK(f.read_at(0, room, ec) == 0)) == std::errc::bad_file_descriptor);
    CHECK(CODE((void)f.size(ec)) == std::errc::bad_file_descriptor);
    CHECK(CODE(f.resize(0, ec)) == std::errc::bad_file_descriptor);
    CHECK(CODE(f.sync(ec)) == std::errc::bad_file_descriptor);
    CHECK(CODE(f.sync_data(ec)) == std::errc::bad_file_descriptor);
  });
}

TEST_CASE("a pipe, and whatever can be waited for, says in a code how a wait ended") {
  in_both_worlds([](const world&) {
    auto [out, in] = weft::net::pipe();
    CHECK_FALSE(CODE(in.wait_writable(ec)));
    CHECK_FALSE(CODE(in.wait_writable(20s, ec)));
    CHECK(CODE(out.wait_readable(1ms, ec)) == std::errc::timed_out);
    CHECK_FALSE(CODE(CHECK_FALSE(wait_readable(out.native_handle(), 1ms, ec))));
    in.write_all("x");
    CHECK_FALSE(CODE(out.wait_readable(ec)));
    CHECK_FALSE(CODE(CHECK(wait_readable(out.native_handle(), 20s, ec))));
    out.close();
    CHECK(CODE(out.wait_readable(ec)) == std::errc::bad_file_descriptor);
    CHECK(CODE(CHECK_FALSE(wait_readable(-1, 20s, ec))) == std::errc::bad_file_descriptor);
    in.close();
    CHECK(CODE(in.wait_writable(ec)) == std::errc::bad_file_descriptor);
  });
}

TEST_CASE("a unix stream says in a code how it was connected; a listener is moved with its path") {
  in_both_worlds([](const world&) {
    const temporary_directory directory;
    const auto path = address::parse("unix:" + directory.file("socket"));
    unix_stream client;
    CHECK(CODE(client = unix_stream::connect(path, ec)) == std::errc::no_such_file_or_directory);
    CHECK_FALSE(client.is_open());
    unix_listener listener(address::parse("unix:" + directory.file("other")));
    listener = unix_listener(path);
    CHECK(listener.local() == path);
    CHECK_FALSE(CODE(client = unix_stream::connect(path, ec)));
    CHECK(listener.accept().is_open());
    const auto gone = address::parse("unix:" + directory.file("other"));
    CHECK(CODE(client = unix_stream::connect(gone, ec)) == std::errc::no_such_file_or_directory);
  });
}

#undef CODE
