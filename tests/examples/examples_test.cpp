// SPDX-License-Identifier: BSL-1.0
// Runs the examples, and talks to the servers among them over real sockets; the raw loop of the benches has to answer the
// same, or holding the others against it would mean nothing.
#include "examples/program.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "support/scale.hpp"

namespace {

using weft::test::active_sanitizer;
using weft::test::client;
using weft::test::port_of;
using weft::test::program;
using weft::test::sanitizer;

constexpr std::string_view get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view greeting = "Hello, world!\n";

// Runs `body(port)` against a fresh instance of each hello server, and finds each alive afterwards.
template <class F> void for_each_server(F&& body) {
  for (const std::string_view name : {"http_hello", "http_hello_stackless", "raw_http_epoll"}) {
    CAPTURE(name);
    program server(name, {"0"});
    const int port = port_of(server);
    if constexpr (std::is_invocable_v<F, int>)
      body(port);
    else
      body(port, server);
    CHECK(server.running());
    client again(port);
    again.send(get);
    CHECK(again.receive_answer().status == 200);
  }
}

void check_greeting(client& peer) {
  const client::answer a = peer.receive_answer();
  CHECK(a.status == 200);
  CHECK(a.body == greeting);
}

std::string post(std::string_view fields, std::string_view body) {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n" + std::string(body);
}

}  // namespace

TEST_CASE("hello says hello") {
  program hello("hello");
  CHECK(hello.said() == "hello, world\n");
  CHECK(hello.wait() == 0);
}

TEST_CASE("echo sends back every byte to each of its peers") {
  program server("echo", {"0"});
  const int port = port_of(server);
  client a(port), b(port);
  std::string text;
  for (int i = 0; text.size() < 100'000; ++i) text += std::to_string(i) + ' ';
  a.send("first");
  b.send("second");
  CHECK(b.receive(6) == "second");
  CHECK(a.receive(5) == "first");
  a.send(text);
  a.end_of_sending();
  CHECK(a.rest() == text);
  for (const char c : std::string_view("one by one")) {
    b.send(std::string_view(&c, 1));
    CHECK(b.receive(1) == std::string(1, c));
  }
}

TEST_CASE("a hello server keeps the connection for the next request") {
  for_each_server([](int port) {
    client peer(port);
    for (int i = 0; i < 3; ++i) {
      peer.send(get);
      check_greeting(peer);
    }
  });
}

TEST_CASE("a hello server answers pipelined requests in their order") {
  for_each_server([](int port) {
    client peer(port);
    peer.send(std::string(get) + post("Content-Length: 4\r\n", "body") + "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" +
              std::string(get));
    check_greeting(peer);
    CHECK(peer.receive_answer().body == "received 4 bytes\n");
    const client::answer head = peer.receive_answer(false);
    CHECK(head.status == 200);
    CHECK(head.head.find("Content-Length: 14\r\n") != head.head.npos);
    check_greeting(peer);
  });
}

TEST_CASE("a hello server takes a request in two parts, and byte by byte") {
  for_each_server([](int port) {
    client peer(port);
    const std::string request = post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n");
    for (std::size_t at = 1; at < request.size(); ++at) {
      peer.send(request.substr(0, at));
      peer.send(request.substr(at));
      CHECK(peer.receive_answer().body == "received 3 bytes\n");
    }
    for (const char c : request) peer.send(std::string_view(&c, 1));
    CHECK(peer.receive_answer().body == "received 3 bytes\n");
  });
}

TEST_CASE("a hello server reads bodies larger than any of its buffers") {
  for_each_server([](int port) {
    client peer(port);
    peer.send(post("Content-Length: 1000000\r\n", std::string(1'000'000, 'b')));
    CHECK(peer.receive_answer().body == "received 1000000 bytes\n");
    std::string chunks;
    for (int i = 0; i < 100; ++i) chunks += "3e8\r\n" + std::string(1000, 'c') + "\r\n";
    peer.send(post("Transfer-Encoding: chunked\r\n", chunks + "0\r\n\r\n"));
    CHECK(peer.receive_answer().body == "received 100000 bytes\n");
  });
}

TEST_CASE("a hello server closes when the client asks, and after HTTP/1.0") {
  for_each_server([](int port) {
    client asked(port);
    asked.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    const std::string last = asked.rest();
    CHECK(last.find("Connection: close\r\n") != last.npos);
    CHECK(last.ends_with(greeting));
    client old(port);
    old.send("GET / HTTP/1.0\r\n\r\n");
    CHECK(old.rest().ends_with(greeting));
    client kept(port);
    for (int i = 0; i < 2; ++i) {
      kept.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
      CHECK(kept.receive_answer().head.find("Connection: keep-alive\r\n") != std::string::npos);
    }
  });
}

TEST_CASE("a hello server refuses bad requests with a status, and then closes") {
  const std::vector<std::pair<int, std::string>> refused = {
      {400, "GET / HTTP/1.1\r\n\r\n"},
      {400, "nonsense\r\n\r\n"},
      {413, post("Content-Length: 1048577\r\n", "")},
      {414, "GET /" + std::string(5000, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n"},
      {431, "GET / HTTP/1.1\r\nHost: a\r\nLong: " + std::string(9000, 'x') + "\r\n\r\n"},
      {501, post("Transfer-Encoding: gzip\r\n", "")},
      {505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"},
  };
  for_each_server([&](int port) {
    for (const auto& [status, request] : refused) {
      CAPTURE(status);
      client peer(port);
      peer.send(get);  // what came before is still answered
      peer.send(request);
      check_greeting(peer);
      const client::answer a = peer.receive_answer();
      CHECK(a.status == status);
      CHECK(a.head.find("Connection: close\r\n") != a.head.npos);
      CHECK(peer.rest().empty());
    }
  });
}

TEST_CASE("a refusal reaches a client that is still sending") {
  for_each_server([](int port) {
    client peer(port);
    peer.send(post("Content-Length: 1048577\r\n", std::string(200'000, 'b')));
    CHECK(peer.receive_answer().status == 413);
  });
}

TEST_CASE("a hello server says which methods it knows") {
  for_each_server([](int port) {
    client peer(port);
    peer.send("DELETE / HTTP/1.1\r\nHost: a\r\n\r\n");
    const client::answer a = peer.receive_answer();
    CHECK(a.status == 405);
    CHECK(a.head.find("Allow: GET, HEAD, POST\r\n") != a.head.npos);
    peer.send(get);
    check_greeting(peer);
  });
}

TEST_CASE("a hello server tells a client that waits for it to continue") {
  for_each_server([](int port) {
    client peer(port);
    peer.send(post("Content-Length: 2\r\nExpect: 100-continue\r\n", ""));
    CHECK(peer.receive_answer().status == 100);
    peer.send("ab");
    CHECK(peer.receive_answer().body == "received 2 bytes\n");
  });
}

TEST_CASE("a hello server serves a hundred clients at once, and outlives those that break off") {
  for_each_server([](int port) {
    std::vector<std::unique_ptr<client>> peers;
    for (int i = 0; i < 100; ++i) {
      peers.push_back(std::make_unique<client>(port));
      peers.back()->send(get.substr(0, 20));
    }
    for (int i = 0; i < 100; i += 2) peers[static_cast<std::size_t>(i)].reset();
    for (int i = 1; i < 100; i += 2) {
      peers[static_cast<std::size_t>(i)]->send(get.substr(20));
      check_greeting(*peers[static_cast<std::size_t>(i)]);
    }
  });
}

TEST_CASE("a client that sends without reading gets every answer in the end, and nobody keeps them for it meanwhile") {
  for_each_server([](int port, const program& server) {
    client peer(port);
    const std::size_t before = server.most_memory();
    std::string requests;
    constexpr std::size_t count = 100'000;  // their answers are more than the buffers of both sockets hold
    for (std::size_t i = 0; i < count; ++i) requests += get;
    std::size_t sent = 0;
    while (const std::size_t n = peer.try_send(std::string_view(requests).substr(sent))) {
      sent += n;
      if (sent == requests.size()) break;
    }
    for (std::size_t i = 0; i < count; ++i) {
      if (sent < requests.size()) sent += peer.try_send(std::string_view(requests).substr(sent));
      REQUIRE(peer.receive_answer().body == greeting);
    }
    CHECK(sent == requests.size());
    if (active_sanitizer == sanitizer::none) CHECK(server.most_memory() < before + (4 << 20));
  });
}

TEST_CASE("a hello server that cannot listen says so and fails") {
  for (const std::string_view name : {"http_hello", "http_hello_stackless"}) {
    CAPTURE(name);
    program first(name, {"0"});
    const std::string port = std::to_string(port_of(first));
    program second(name, {port});
    const std::string said = second.said();
    CAPTURE(said);
    CHECK(second.wait() == 1);
    CHECK(said.find(port) != said.npos);
    program nonsense(name, {"none"});
    CHECK(nonsense.wait() == 1);
    CHECK(nonsense.said().find("none") != std::string::npos);
  }
}
