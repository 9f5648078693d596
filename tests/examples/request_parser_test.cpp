// SPDX-License-Identifier: BSL-1.0
// The request parser: what it accepts, what it refuses and with which status, each at every position of a split.
#include "http/request_parser.hpp"
#include "support/scale.hpp"

#include <doctest/doctest.h>

#include <ostream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace std::string_literals;

// All that a run over some bytes showed: each request in one line, then the status if it ended with a refusal.
struct transcript {
  std::vector<std::string> requests;
  int status = 0;
  std::size_t kept = 0;

  friend bool operator==(const transcript& a, const transcript& b) {
    return a.requests == b.requests && a.status == b.status && a.kept == b.kept;
  }
  friend std::ostream& operator<<(std::ostream& out, const transcript& t) {
    for (const std::string& r : t.requests) out << r << '\n';
    return out << "status " << t.status << " kept " << t.kept;
  }
};

std::string line_of(const http::request& r) {
  return std::string(r.method) + ' ' + std::string(r.target) + " 1." + std::to_string(r.minor_version) +
         (r.keep_alive ? " keep" : " close") + " [" + std::string(r.fields) + "] [" + std::string(r.body) + ']';
}

// Feeds each piece from a copy of its own that is overwritten afterwards: a view that outlives its bytes shows.
transcript feed(const std::vector<std::string_view>& pieces, const http::limits& bounds) {
  http::request_parser parser(bounds);
  transcript seen;
  for (const std::string_view piece : pieces) {
    std::string copy(piece);
    std::string_view input = copy;
    for (bool more = false; !more && seen.status == 0;) {
      switch (parser.next(input)) {
        case http::parsed::need_more:
          REQUIRE(input.empty());
          more = true;
          break;
        case http::parsed::complete:
          seen.requests.push_back(line_of(parser.get()));
          break;
        case http::parsed::expects_continue:
          break;
        case http::parsed::bad:
          seen.status = parser.status();
          break;
      }
    }
    copy.assign(copy.size(), '#');
  }
  if (seen.status == 0) {
    seen.kept = parser.kept();
  } else {
    std::string_view good = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    CHECK(parser.next(good) == http::parsed::bad);
  }
  return seen;
}

// The same whole, cut in two at every position, byte by byte, and in steps of three.
transcript feed_all_ways(std::string_view bytes, const http::limits& bounds = http::request_parser::default_limits) {
  const transcript whole = feed({bytes}, bounds);
  for (std::size_t at = 0; at <= bytes.size(); ++at) {
    CAPTURE(at);
    REQUIRE(feed({bytes.substr(0, at), bytes.substr(at)}, bounds) == whole);
  }
  for (const std::size_t step : {std::size_t{1}, std::size_t{3}}) {
    std::vector<std::string_view> pieces;
    for (std::size_t at = 0; at < bytes.size(); at += step) pieces.push_back(bytes.substr(at, step));
    CAPTURE(step);
    REQUIRE(feed(pieces, bounds) == whole);
  }
  return whole;
}

int status_of(std::string_view bytes, const http::limits& bounds = http::request_parser::default_limits) {
  CAPTURE(bytes);
  const transcript seen = feed_all_ways(bytes, bounds);
  CHECK(seen.requests.empty());
  return seen.status;
}

transcript one(std::string line) { return {{std::move(line)}, 0, 0}; }

}  // namespace

TEST_CASE("a request is the same however it was split") {
  CHECK(feed_all_ways("GET /a?b=c HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\n\r\n") ==
        one("GET /a?b=c 1.1 keep [Host: example.org\r\nAccept: */*\r\n] []"));
}

TEST_CASE("pipelined requests come out one by one") {
  const transcript seen = feed_all_ways(
      "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
      "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
      "POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\n"
      "\r\n\r\nGET /4 HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(seen ==
        transcript{
            {"GET /1 1.1 keep [Host: a\r\n] []", "POST /2 1.1 keep [Host: a\r\nContent-Length: 3\r\n] [abc]",
             "POST /3 1.1 keep [Host: a\r\nTransfer-Encoding: chunked\r\n] [de]", "GET /4 1.1 keep [Host: a\r\n] []"},
            0,
            0});
}

TEST_CASE("a connection is kept as the version and the Connection field say") {
  const auto kept = [](std::string_view head) {
    http::request_parser parser;
    REQUIRE(parser.next(head) == http::parsed::complete);
    return parser.get().keep_alive;
  };
  CHECK(kept("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  CHECK_FALSE(kept("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
  CHECK_FALSE(kept("GET / HTTP/1.1\r\nHost: a\r\nconnection: Upgrade ,\tCLOSE\r\n\r\n"));
  CHECK_FALSE(kept("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n"));
  CHECK(kept("GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n"));
  CHECK_FALSE(kept("GET / HTTP/1.0\r\n\r\n"));
  CHECK(kept("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
  CHECK_FALSE(kept("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n"));
}

TEST_CASE("a field is found by name whatever its case, and without the spaces around its value") {
  http::request_parser parser;
  std::string_view input = "GET / HTTP/1.1\r\nHOST:\t a \r\nEmpty:\r\nX-y:1\r\nx-Y: 2\r\n\r\n";
  REQUIRE(parser.next(input) == http::parsed::complete);
  CHECK(parser.get().field("host") == "a");
  CHECK(parser.get().field("empty") == "");
  CHECK(parser.get().field("x-y") == "1");
  CHECK_FALSE(parser.get().field("x").has_value());
}

TEST_CASE("what is no request is refused with 400") {
  CHECK(status_of("\x16\x03\x01\x02"s) == 400);
  CHECK(status_of(" GET / HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
  CHECK(status_of("G\"T / HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
  CHECK(status_of("GET  / HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
  CHECK(status_of("GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
  CHECK(status_of("GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
  CHECK(status_of("GET /\x80 HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
  CHECK(status_of("GET /\r\n\r\n") == 400);
  CHECK(status_of("GET / HTTP/1.1 \r\nHost: a\r\n\r\n") == 400);
  CHECK(status_of("GET / http/1.1\r\nHost: a\r\n\r\n") == 400);
  CHECK(status_of("GET / HTTP/1.x\r\nHost: a\r\n\r\n") == 400);
  CHECK(status_of("GET / HTTP/1.1\nHost: a\n\n") == 400);
  CHECK(status_of("\rGET / HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
  CHECK(status_of("GET / HTTP/2.0\r\nHost: a\r\n\r\n") == 505);
}

TEST_CASE("what two parsers might read differently is refused with 400") {
  const std::string start = "POST / HTTP/1.1\r\nHost: a\r\n";
  CHECK(status_of("GET / HTTP/1.1\r\n\r\n") == 400);  // no Host
  CHECK(status_of(start + "Host: b\r\n\r\n") == 400);
  CHECK(status_of(start + "A : b\r\n\r\n") == 400);
  CHECK(status_of(start + ": b\r\n\r\n") == 400);
  CHECK(status_of(start + "A\r\n\r\n") == 400);
  CHECK(status_of(start + "A: b\r\n c\r\n\r\n") == 400);  // folded
  CHECK(status_of(start + "A: b\nC: d\r\n\r\n") == 400);
  CHECK(status_of(start + "A: b\rC: d\r\n\r\n") == 400);
  CHECK(status_of(start + "A: b\0c\r\n\r\n"s) == 400);
  CHECK(status_of(start + "A: eight by\x7fte\r\n\r\n") == 400);
  CHECK(status_of(start + "A: \x7f in the first of many bytes\r\n\r\n") == 400);
  CHECK(status_of(start + "\rA: b\r\n\r\n") == 400);
  CHECK(status_of(start + "Content-Length: 1\r\nContent-Length: 1\r\n\r\na") == 400);
  CHECK(status_of(start + "Content-Length: 1, 1\r\n\r\na") == 400);
  CHECK(status_of(start + "Content-Length: +1\r\n\r\na") == 400);
  CHECK(status_of(start + "Content-Length: 0x1\r\n\r\na") == 400);
  CHECK(status_of(start + "Content-Length:\r\n\r\na") == 400);
  CHECK(status_of(start + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n") == 400);
  CHECK(status_of(start + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n") == 400);
  CHECK(status_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n") == 400);
  CHECK(status_of(start + "Transfer-Encoding: gzip, chunked\r\n\r\n") == 501);
}

TEST_CASE("text above ASCII and tabs are allowed in values") {
  CHECK(feed_all_ways("GET / HTTP/1.1\r\nHost: a\r\nA: \xc3\xa4 eight\tor more bytes\r\n\r\n").status == 0);
}

TEST_CASE("a body of a given length is read whole") {
  for (const std::size_t size : {0U, 1U, 40U}) {
    const std::string body(size, 'b');
    const std::string length = "Content-Length: " + std::to_string(size) + "\r\n";
    CHECK(feed_all_ways("PUT / HTTP/1.1\r\nHost: a\r\n" + length + "\r\n" + body) ==
          one("PUT / 1.1 keep [Host: a\r\n" + length + "] [" + body + "]"));
  }
  CHECK(feed_all_ways("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na").requests.empty());
}

TEST_CASE("chunks are joined, their extensions and trailers dropped") {
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n";
  const std::string expected = "POST / 1.1 keep [Host: a\r\nTransfer-Encoding: Chunked\r\n] ";
  CHECK(feed_all_ways(head + "\r\n0\r\n\r\n") == one(expected + "[]"));
  CHECK(feed_all_ways(head + "\r\n3;x=\"y\"\r\nabc\r\n00A\r\n0123\r\n5678\r\n0 ;z\r\nT: u\r\nV:\r\n\r\n") ==
        one(expected + "[abc0123\r\n5678]"));
}

TEST_CASE("a second request in chunks starts anew, and many small chunks are no long line") {
  http::limits bounds;
  bounds.head = 100;
  std::string one;
  for (int i = 0; i < 50; ++i) one += "1\r\nx\r\n";
  one = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + one + "0\r\n\r\n";
  const transcript seen = feed_all_ways(one + one, bounds);
  CHECK(seen.status == 0);
  REQUIRE(seen.requests.size() == 2);
  CHECK(seen.requests[0].ends_with('[' + std::string(50, 'x') + ']'));
  CHECK(seen.requests[1] == seen.requests[0]);
}

TEST_CASE("bad chunks are refused with 400") {
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const std::string_view body : {"\r\n", "g\r\n", "-1\r\n", "0x1\r\na\r\n", "1\na\r\n", "1\r\nab\r\n", "1\r\na\n",
                                      "1\ra", "1;\x01\r\n", "0\r\n T\r\n\r\n", "0\r\nT\n", "0\r\n\ra"}) {
    CHECK(status_of(head + std::string(body)) == 400);
  }
}

TEST_CASE("limits hold to the byte") {
  const std::string line = "GET /abc HTTP/1.1\r\n";
  const std::string fields = "Host: a\r\nB: c\r\n";
  const std::string head = line + fields + "\r\n";
  const auto with = [](auto change) {
    http::limits bounds;
    change(bounds);
    return bounds;
  };
  const auto check = [&](const http::limits& enough, const http::limits& short_of, const std::string& bytes,
                         int status) {
    CHECK(feed_all_ways(bytes, enough).status == 0);
    CHECK(status_of(bytes, short_of) == status);
  };
  check(with([&](auto& b) { b.request_line = line.size(); }), with([&](auto& b) { b.request_line = line.size() - 1; }),
        head, 414);
  check(with([&](auto& b) { b.head = head.size(); }), with([&](auto& b) { b.head = head.size() - 1; }), head, 431);
  check(with([](auto& b) { b.fields = 2; }), with([](auto& b) { b.fields = 1; }), head, 431);
  const std::string sized = line + "Host: a\r\nContent-Length: 5\r\n\r\nabcde";
  check(with([](auto& b) { b.body = 5; }), with([](auto& b) { b.body = 4; }), sized, 413);
  const std::string chunked = line + "Host: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
  check(with([](auto& b) { b.body = 5; }), with([](auto& b) { b.body = 4; }), chunked, 413);
  CHECK(status_of(line + "Host: a\r\nContent-Length: 18446744073709551621\r\n\r\n12345") == 413);  // 5 more than 2^64
  CHECK(status_of(line + "Host: a\r\nContent-Length: 99999999999999999999999999\r\n\r\n") == 413);
  CHECK(status_of(line + "Host: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n") == 413);
}

TEST_CASE("trailers and extensions without end are refused with 431") {
  http::limits bounds;
  bounds.head = 128;
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  CHECK(status_of(head + "1;" + std::string(128, 'e'), bounds) == 431);
  std::string trailers = "0\r\n";
  for (int i = 0; i < 40; ++i) trailers += "a:b\r\n";
  CHECK(status_of(head + trailers, bounds) == 431);
}

TEST_CASE("a head that never ends is refused once the limit is reached, and no more than that is kept") {
  http::request_parser parser;
  std::string_view input = "GET / HTTP/1.1\r\nHost: a\r\nA: ";
  REQUIRE(parser.next(input) == http::parsed::need_more);
  const std::string more(1000, 'x');
  int steps = 0;
  for (input = more; parser.next(input) == http::parsed::need_more; input = more) ++steps;
  CHECK(steps == 8);
  CHECK(parser.status() == 431);
  CHECK(parser.kept() <= 8193);
}

TEST_CASE("a client that expects it is told to continue, once, and only while its body is missing") {
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-Continue\r\n\r\n";
  http::request_parser parser;
  std::string_view input = head;
  CHECK(parser.next(input) == http::parsed::expects_continue);
  CHECK(parser.next(input) == http::parsed::need_more);
  input = "ab";
  CHECK(parser.next(input) == http::parsed::complete);
  CHECK(parser.get().body == "ab");
  const std::string with_body = head + "cd";
  input = with_body;
  CHECK(parser.next(input) == http::parsed::complete);
  const std::string with_part = head + "e";
  input = with_part;
  CHECK(parser.next(input) == http::parsed::need_more);
}

TEST_CASE("nothing of a request is kept once the next was asked for") {
  http::request_parser parser;
  std::string_view input = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na";
  REQUIRE(parser.next(input) == http::parsed::need_more);
  input = "b";
  REQUIRE(parser.next(input) == http::parsed::complete);
  CHECK(parser.kept() > 0);
  REQUIRE(parser.next(input) == http::parsed::need_more);
  CHECK(parser.kept() == 0);
}

TEST_CASE("a whole request is not copied") {
  http::request_parser parser;
  const std::string bytes = "POST /path HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab";
  std::string_view input = bytes;
  REQUIRE(parser.next(input) == http::parsed::complete);
  CHECK(parser.get().target.data() == bytes.data() + 5);
  CHECK(parser.get().body.data() == bytes.data() + bytes.size() - 2);
  CHECK(parser.kept() == 0);
}

TEST_CASE("damaged requests give the same whatever the split") {
  const std::string good =
      "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc"
      "POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\nT: u\r\n\r\n"
      "GET /3 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
  static constexpr std::string_view replacements = "\r\n\0\t :;,.0179afAFxGP/\x7f\xff";
  std::minstd_rand random(1);
  http::limits bounds;
  bounds.head = 100;
  for (std::size_t i = 0; i < weft::test::scaled(20'000); ++i) {
    std::string damaged = good;
    for (auto n = 1 + random() % 3; n != 0; --n) {
      const std::size_t at = random() % damaged.size();
      if (random() % 3 == 0)
        damaged.erase(at, 1 + random() % 4);
      else
        damaged[at] = replacements[random() % replacements.size()];
    }
    CAPTURE(i);
    const std::string_view bytes = damaged;
    const transcript whole = feed({bytes}, bounds);
    const std::size_t at = random() % bytes.size();
    REQUIRE(feed({bytes.substr(0, at), bytes.substr(at)}, bounds) == whole);
    std::vector<std::string_view> single;
    for (std::size_t j = 0; j < bytes.size(); ++j) single.push_back(bytes.substr(j, 1));
    REQUIRE(feed(single, bounds) == whole);
  }
}
