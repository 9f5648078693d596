// SPDX-License-Identifier: BSL-1.0
// Runs the examples whose fibers talk through channels and sockets.
#include "examples/program.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

using weft::test::client;
using weft::test::port_of;
using weft::test::program;

// The number behind `word` in a text.
long number_after(const std::string& text, std::string_view word) {
  const auto at = text.find(word);
  REQUIRE(at != text.npos);
  return std::stol(text.substr(at + word.size()));
}

}  // namespace

TEST_CASE("pipeline squares all values and never has many on their way") {
  for (const long count : {0L, 1L, 5000L}) {
    program pipeline("pipeline", {std::to_string(count)});
    const std::string said = pipeline.said();
    CAPTURE(said);
    CHECK(pipeline.wait() == 0);
    CHECK(said.starts_with(std::to_string(count) + " squares, sum " +
                           std::to_string(count * (count + 1) * (2 * count + 1) / 6) + ","));
    // Eight in each channel, one with each of the four squarers, and one on each side of them.
    CHECK(number_after(said, "never more than ") <= 8 + 4 + 8 + 2);
  }
}

TEST_CASE("chat gives everybody what the others say, in their order") {
  program server("chat", {"0"});
  const int port = port_of(server);
  client ann(port), bob(port);
  ann.send("ann\n");
  CHECK(ann.receive(14) == "* ann is here\n");
  bob.send("bob\n");
  CHECK(ann.receive(14) == "* bob is here\n");
  CHECK(bob.receive(14) == "* bob is here\n");
  ann.send("hello\nhow are you\n");
  CHECK(bob.receive(28) == "ann: hello\nann: how are you\n");
  bob.send("fine\n");
  CHECK(ann.receive(10) == "bob: fine\n");
  bob.end_of_sending();
  CHECK(bob.rest().empty());
  CHECK(ann.receive(15) == "* bob has left\n");
  CHECK(server.running());
}

TEST_CASE("chat cuts off a client that does not read, and nobody else notices") {
  program server("chat", {"0"});
  const int port = port_of(server);
  client slow(port), ann(port), bob(port);
  slow.send("slow\n");
  CHECK(slow.receive(15) == "* slow is here\n");
  ann.send("ann\n");
  CHECK(ann.receive(14) == "* ann is here\n");
  bob.send("bob\n");
  CHECK(ann.receive(14) == "* bob is here\n");
  CHECK(bob.receive(14) == "* bob is here\n");
  // More than the kernel keeps for one connection, and than its outbox; Bob reads all the while.
  const std::string text(10'000, 'x');
  bool left = false;
  long lines = 0;
  for (; !left && lines < 5000; ++lines) {
    ann.send(text + "\n");
    std::string got = bob.receive(1);
    while (got[0] == '*') {  // the slow one has left, before or behind this line
      left = true;
      CHECK(bob.receive(15) == " slow has left\n");
      got = bob.receive(1);
    }
    CHECK(got + bob.receive(text.size() + 5) == "ann: " + text + "\n");
  }
  CHECK(left);
  CHECK(server.running());
}

TEST_CASE("crawler finds every page once, keeps to its limit, and gives up what does not come") {
  program crawler("crawler", {"0", "2000"});
  const std::string said = crawler.said();
  CAPTURE(said);
  CHECK(crawler.wait() == 0);
  CHECK(said.starts_with("101 pages, 1 not found, 1 too slow, 0 broken; "));
  const long most = number_after(said, "broken; ");
  CHECK(most >= 1);
  CHECK(most <= 3);
}

TEST_CASE("crawler says what it finds on a server that knows one page, and on none") {
  program server("http_hello", {"0"});
  program crawler("crawler", {std::to_string(port_of(server))});
  CHECK(crawler.said() == "1 pages, 0 not found, 0 too slow, 0 broken; 1 requests at once at most\n");
  CHECK(crawler.wait() == 0);
  program alone("crawler", {"1"});
  CHECK(alone.said() == "0 pages, 0 not found, 0 too slow, 1 broken; 1 requests at once at most\n");
  CHECK(alone.wait() == 0);
}
