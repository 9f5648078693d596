// SPDX-License-Identifier: BSL-1.0
// `buffered` over streams that follow a script; over sockets it is tested in tcp_test.cpp.
#include <doctest/doctest.h>

#include <deque>
#include <limits>
#include <ostream>
#include <string>
#include <vector>
#include <weft/net/buffered.hpp>
#include <weft/net/copy.hpp>

#include "net/loopback.hpp"
#include "net/worlds.hpp"

using namespace std::string_literals;
using weft::deadline;
using weft::net::buffered;
using weft::net::const_buffer;
using weft::net::end_of_stream;
using weft::net::partial_io;
using weft::net::stream_errc;
using weft::test::text_of;

namespace {

const_buffer bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

// Gives one piece of its script per read, as much of it as fits; then the end. Takes at most `takes` bytes per write.
struct scripted {
  std::deque<std::string> pieces;
  std::string written;
  std::size_t takes = 1 << 20;
  int reads = 0, writes = 0;
  int fail_read = -1;  // the number of the read that fails, with connection_reset
  int fail_write = -1;

  std::size_t read_some(std::span<std::byte> into, deadline = weft::never) {
    if (reads++ == fail_read) throw std::system_error(std::make_error_code(std::errc::connection_reset), "read");
    if (pieces.empty()) return 0;
    auto& piece = pieces.front();
    const auto count = std::min(piece.size(), into.size());
    std::copy_n(bytes_of(piece).data(), count, into.data());
    piece.erase(0, count);
    if (piece.empty()) pieces.pop_front();
    return count;
  }
  std::size_t write_some(const_buffer from, deadline = weft::never) {
    if (writes++ == fail_write) throw std::system_error(std::make_error_code(std::errc::broken_pipe), "write");
    const auto count = std::min(takes, from.size());
    written += text_of(from.first(count));
    return count;
  }
};

// The same, with memory taken only when there is something to read.
struct lazy : scripted {
  int held = 0;  // how often memory was taken and not given back
  using scripted::read_some;
  std::size_t read_some(weft::net::lazy_buffer& into, deadline until = weft::never) {
    std::error_code ec;
    return read_some(into, until, ec);
  }
  std::size_t read_some(weft::net::lazy_buffer& into, deadline until, std::error_code& ec) {
    ec.clear();
    const auto count = read_some(into.take(), until);
    ++held;
    if (!count) into.give_back(), --held;
    return count;
  }
};

static_assert(weft::net::stream<scripted>);
static_assert(weft::net::stream<buffered<scripted>>);
static_assert(!weft::net::readable_stream<int>);

buffered<scripted> reading(std::initializer_list<std::string> pieces, std::size_t limit = 64 << 10) {
  scripted s;
  s.pieces.assign(pieces.begin(), pieces.end());
  return buffered<scripted>(std::move(s), limit);
}

// All ways to cut a text in two, and into single bytes.
std::vector<std::deque<std::string>> all_splits(const std::string& text) {
  std::vector<std::deque<std::string>> result{{text}, {}};
  for (const char c : text) result.back().push_back(std::string(1, c));
  for (std::size_t cut = 1; cut < text.size(); ++cut) result.push_back({text.substr(0, cut), text.substr(cut)});
  return result;
}

}  // namespace

TEST_CASE("lines come without their ends however the bytes arrive") {
  for (auto& pieces : all_splits("one\r\ntwo\n\nthr\ree\r\r\n\r\nlast")) {
    scripted s;
    s.pieces = pieces;
    buffered in(s);
    for (const auto& line : {"one"s, "two"s, ""s, "thr\ree\r"s, ""s, "last"s}) CHECK(in.read_line() == line);
    CHECK(in.read_line() == std::nullopt);
    CHECK(in.read_line() == std::nullopt);
  }
}

TEST_CASE("an end of line that is the end of the stream begins no further line") {
  auto in = reading({"a\n"});
  CHECK(in.read_line() == "a");
  CHECK(in.read_line() == std::nullopt);
}

TEST_CASE("a delimiter of several bytes is found across pieces and taken with the text") {
  for (auto& pieces : all_splits("head\r\n\r\r\n\r\nbody\r\n")) {
    scripted s;
    s.pieces = pieces;
    buffered in(s);
    CHECK(in.read_until("\r\n\r\n") == "head\r\n\r");
    CHECK(in.read_until("\r\n\r\n") == "body\r\n");
    CHECK(in.read_until("\r\n\r\n") == std::nullopt);
  }
  auto in = reading({"x"});
  CHECK_THROWS_AS(in.read_until(""), std::system_error);
  CHECK(in.read_line() == "x");
}

TEST_CASE("a line as long as the limit is given, a longer one is message_size and nothing is lost") {
  for (const std::size_t limit : {1, 2, 100, 16 << 10, 64 << 10}) {
    CAPTURE(limit);
    const std::string most(limit, 'x');
    for (const auto& end : {"\n"s, "\r\n"s, ""s}) CHECK(reading({most + end}, limit).read_line() == most);
    for (const auto& end : {"\n"s, "\r\n"s, ""s, "y\n"s}) {
      auto in = reading({most + "x" + end}, limit);
      std::error_code ec;
      CHECK(in.read_line(ec) == std::nullopt);
      CHECK(ec == std::errc::message_size);
      CHECK_THROWS_AS(in.read_line(), std::system_error);
      std::string all(limit + 1 + end.size(), ' ');
      in.read_exact(std::as_writable_bytes(std::span(all)));
      CHECK(all == most + "x" + end);
    }
  }
  CHECK(reading({std::string(64 << 10, 'x') + "\n"}).read_line()->size() == 64 << 10);
  CHECK_THROWS_AS(reading({std::string((64 << 10) + 1, 'x') + "\n"}).read_line(), std::system_error);
  constexpr auto no_limit = std::numeric_limits<std::size_t>::max();
  CHECK(reading({"in", " parts", "\r\n"}, no_limit).read_line() == "in parts");
}

TEST_CASE("an endless line is refused before it takes more memory than the limit asks for") {
  struct endless {
    std::size_t given = 0;
    std::size_t read_some(std::span<std::byte> into, deadline = weft::never) {
      std::fill(into.begin(), into.end(), std::byte{'x'});
      given += into.size();
      return into.size();
    }
  };
  buffered<endless> in(endless{}, 1000);
  CHECK_THROWS_AS(in.read_line(), std::system_error);
  CHECK(in.next_layer().given <= 16 << 10);
}

TEST_CASE("peek shows bytes without taking them, waits for as many as asked, and gives fewer at the end") {
  auto in = reading({"ab", "cd", "e"});
  CHECK(text_of(in.peek()) == "ab");
  CHECK(text_of(in.peek()) == "ab");
  CHECK(text_of(in.peek(3)) == "abcd");
  in.consume(1);
  CHECK(text_of(in.peek(9)) == "bcde");
  CHECK(in.readable() == 4);
  CHECK(in.read_line() == "bcde");
  CHECK(in.peek().empty());
  CHECK_THROWS_AS(in.peek((64 << 10) + 1), std::system_error);
}

TEST_CASE("read_exact takes what is buffered first, and counts it when the stream ends or fails") {
  auto in = reading({"line\nab", "cd"});
  CHECK(in.read_line() == "line");
  std::string four(4, ' ');
  in.read_exact(std::as_writable_bytes(std::span(four)));
  CHECK(four == "abcd");

  auto ended = reading({"line\nab"});
  CHECK(ended.read_line() == "line");
  try {
    ended.read_exact(std::as_writable_bytes(std::span(four)));
    FAIL("read past the end");
  } catch (const end_of_stream& e) {
    CHECK(e.transferred() == 2);
    CHECK(e.code() == stream_errc::end_of_stream);
  }

  auto failing = reading({"line\nab"});
  failing.next_layer().fail_read = 1;
  CHECK(failing.read_line() == "line");
  try {
    failing.read_exact(std::as_writable_bytes(std::span(four)));
    FAIL("read past an error");
  } catch (const partial_io& e) {
    CHECK(e.transferred() == 2);
    CHECK(e.code() == std::errc::connection_reset);
  }

  auto noting = reading({"ab"});
  std::error_code ec;
  CHECK(noting.read_exact(std::as_writable_bytes(std::span(four)), ec) == 2);
  CHECK(ec == stream_errc::end_of_stream);
}

TEST_CASE("large reads and writes pass the buffer by") {
  const std::string large(100'000, 'l');
  auto both = reading({"x\n" + large});
  CHECK(both.read_line() == "x");
  std::string got(large.size(), ' ');
  both.read_exact(std::as_writable_bytes(std::span(got)));
  CHECK(got == large);
  both.write_all(large);
  CHECK(both.unflushed() == 0);
  CHECK(both.next_layer().writes == 1);
  CHECK(both.next_layer().written == large);
}

TEST_CASE("small writes reach the stream together, in order, when flushed or when the buffer is full") {
  buffered<scripted> out(scripted{});
  out.next_layer().takes = 7;
  out.write_all("hello, ");
  out.write_all("world");
  CHECK(out.next_layer().written.empty());
  CHECK(out.unflushed() == 12);
  out.flush();
  CHECK(out.next_layer().written == "hello, world");
  CHECK(out.next_layer().writes == 2);
  CHECK(out.unflushed() == 0);

  std::string all;
  buffered<scripted> full(scripted{});
  for (int i = 0; i < 10'000; ++i) {
    const auto piece = std::to_string(i) + ";";
    full.write_all(piece);
    all += piece;
  }
  CHECK(full.next_layer().writes < 5);
  full.flush();
  CHECK(full.next_layer().written == all);
}

TEST_CASE("a flush that fails keeps what the stream did not take") {
  buffered<scripted> out(scripted{});
  out.next_layer().takes = 5;
  out.next_layer().fail_write = 1;
  out.write_all("hello, world");
  std::error_code ec;
  out.flush(ec);
  CHECK(ec == std::errc::broken_pipe);
  CHECK(out.unflushed() == 7);
  out.flush();
  CHECK(out.next_layer().written == "hello, world");
}

TEST_CASE("a write that fails says how much was taken") {
  buffered<scripted> out(scripted{});
  out.next_layer().fail_write = 0;
  const std::string all(20'000, 'x');
  out.write_all(std::string_view(all).substr(0, 10'000));
  try {
    out.write_all(std::string_view(all).substr(10'000));
    FAIL("the write succeeded");
  } catch (const partial_io& e) {
    CHECK(e.code() == std::errc::broken_pipe);
    CHECK(e.transferred() + 10'000 == out.unflushed());
  }
}

TEST_CASE("a write of some that fails has taken nothing: a copy counts right, a layer above writes nothing twice") {
  const std::string all = text_of(weft::test::pattern(100'000));
  scripted source;
  source.pieces = {all};
  buffered<scripted> to(scripted{});
  to.next_layer().takes = 1'000;
  to.next_layer().fail_write = 40;
  const auto e = weft::test::error_of<partial_io>([&] { weft::net::copy(source, to); });
  CHECK(e.code() == std::errc::broken_pipe);
  CHECK(e.transferred() == to.next_layer().written.size() + to.unflushed());

  scripted beneath;
  beneath.takes = 1'000;
  beneath.fail_write = 40;
  buffered once(beneath);
  buffered<buffered<scripted>> twice(once);
  std::error_code ec;
  std::size_t done = twice.write_all(all, ec);
  CHECK(ec == std::errc::broken_pipe);
  done += twice.write_all(std::string_view(all).substr(done), ec);
  CHECK_FALSE(ec);
  CHECK(done == all.size());
  twice.flush();
  once.flush();
  CHECK(beneath.written == all);

  beneath.written.clear();
  beneath.fail_write = beneath.writes + 40;
  const auto part = weft::test::error_of<partial_io>([&] { twice.write_all(all); });
  twice.write_all(std::string_view(all).substr(part.transferred()));
  twice.flush();
  once.flush();
  CHECK(beneath.written == all);
}

TEST_CASE("a side without bytes holds no memory") {
  lazy s;
  s.pieces = {"a\nb", "\n"};
  buffered in(s);
  CHECK(in.read_line() == "a");
  CHECK(s.held == 1);
  CHECK(in.read_line() == "b");
  CHECK(in.read_line() == std::nullopt);
  CHECK(s.reads == 3);
  // What peek shows after that comes from new memory, or none.
  CHECK(in.peek().data() == nullptr);
}

TEST_CASE("a buffered stream that moves keeps its bytes and its stream") {
  auto in = reading({"a\nb\n"});
  CHECK(in.read_line() == "a");
  in.write_all("w");
  auto moved = std::move(in);
  CHECK(moved.read_line() == "b");
  moved.flush();
  CHECK(moved.next_layer().written == "w");

  scripted s;
  s.pieces = {"x\ny\n"};
  buffered first(s);
  CHECK(first.read_line() == "x");
  buffered second = std::move(first);
  CHECK(second.read_line() == "y");
  CHECK(&second.next_layer() == &s);
}

TEST_CASE("a buffered stream reads and writes like the stream beneath") {
  auto s = reading({"abc"});
  std::byte two[2];
  CHECK(s.read_some(two) == 2);
  CHECK(s.readable() == 1);
  CHECK(s.read_some(two) == 1);
  CHECK(s.read_some(two) == 0);
  buffered<buffered<scripted>> twice(s);
  CHECK(twice.read_line() == std::nullopt);
}
