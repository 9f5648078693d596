// SPDX-License-Identifier: BSL-1.0
// TCP streams: what they carry, how they end, and how they fail.
#include <doctest/doctest.h>

#include <thread>
#include <weft/net/buffered.hpp>

#include "net/loopback.hpp"
#include "net/wait.hpp"
#include "net/worlds.hpp"

using namespace weft::test;
using namespace weft::net;
using namespace std::chrono_literals;

TEST_CASE("two ends talk, and know each other's addresses") {
  in_both_worlds([](const world& w) {
    tcp_listener listener(any_port());
    auto server = w.start([&] {
      auto s = listener.accept();
      CHECK(read_text(s, 5) == "hello");
      s.write_all("world");
    });
    auto c = tcp_stream::connect(listener.local());
    CHECK(c.remote() == listener.local());
    CHECK(c.local().ip() == "127.0.0.1");
    c.set_no_delay(true);
    c.set_keep_alive(true);
    c.write_all("hello");
    CHECK(read_text(c, 5) == "world");
    server.join();
    std::byte one[1];
    CHECK(c.read_some(one) == 0);
    CHECK(c.read_some(one) == 0);
  });
}

TEST_CASE("IPv6 works where the machine has it, and says so where it has not") {
  std::error_code ec;
  tcp_listener listener(address("::1", 0), {}, ec);
  if (ec) {
    CHECK((ec == std::errc::address_family_not_supported || ec == std::errc::address_not_available));
    return;
  }
  auto c = tcp_stream::connect(listener.local());
  auto s = listener.accept();
  CHECK(s.remote() == c.local());
  CHECK(s.remote().family() == AF_INET6);
  c.close();
  std::byte one[1];
  CHECK(s.read_some(one) == 0);
}

TEST_CASE("data with the end right behind it is read, then the end") {
  in_both_worlds([](const world&) {
    for (int i = 0; i < 20; ++i) {
      tcp_pair p;
      p.client.write_all("last words");
      p.client.close();
      CHECK(read_to_end(p.server) == "last words");
    }
  });
}

TEST_CASE("after a half close the answer still comes") {
  in_both_worlds([](const world& w) {
    tcp_pair p;
    auto server = w.start([&] {
      const auto question = read_to_end(p.server);
      p.server.write_all(question + "!");
      p.server.close();
    });
    p.client.write_all("question");
    p.client.shutdown_write();
    CHECK(read_to_end(p.client) == "question!");
    server.join();
    CHECK(error_of<partial_io>([&] { p.client.write_all("more"); }).code() == std::errc::broken_pipe);
  });
}

TEST_CASE("a peer that sends one byte at a time is read to the end") {
  in_both_worlds([](const world& w) {
    tcp_pair p;
    p.client.set_no_delay(true);
    const auto all = pattern(500);
    auto writer = w.start([&] {
      for (const auto& b : all) {
        p.client.write_all(const_buffer(&b, 1));
        weft::this_fiber::yield();
      }
    });
    std::vector<std::byte> got(all.size());
    p.server.read_exact(got);
    writer.join();
    CHECK(got == all);
  });
}

TEST_CASE("the end of the stream inside read_exact is end_of_stream and says how much there was") {
  in_both_worlds([](const world&) {
    tcp_pair p;
    p.client.write_all("abc");
    p.client.close();
    std::byte five[5];
    const auto e = error_of<end_of_stream>([&] { p.server.read_exact(five); });
    CHECK(e.transferred() == 3);
    CHECK(e.code() == stream_errc::end_of_stream);
    CHECK(contains(e.what(), "read from 127.0.0.1:"));
    std::error_code ec;
    CHECK(p.server.read_exact(five, ec) == 0);
    CHECK(ec == stream_errc::end_of_stream);
  });
}

TEST_CASE("a reset connection is an error for reader and writer that names the peer, and no signal") {
  in_both_worlds([](const world& w) {
    tcp_pair p;
    const auto peer = to_string(p.server.remote());
    std::byte one[1];
    auto reader = w.start([&] {
      const auto e = error_of([&] { static_cast<void>(p.server.read_some(one)); });
      CHECK(e.code() == std::errc::connection_reset);
      CHECK(contains(e.what(), "read from " + peer));
    });
    w.until_waiting(1);
    reset_on_close(p.client);
    p.client.close();
    reader.join();
    const auto e = error_of<partial_io>([&] { p.server.write_all("x"); });
    CHECK(e.code() == std::errc::broken_pipe);
    CHECK(contains(e.what(), "write to " + peer));
    CHECK(e.transferred() == 0);
    CHECK(to_string(p.server.remote()) == peer);  // the kernel has forgotten it
  });
}

TEST_CASE("an urgent byte hides nothing that follows") {
  in_both_worlds([](const world& w) {
    for (int i = 0; i < 20; ++i) {
      tcp_pair p;
      auto reader = w.start([&] { CHECK(read_to_end(p.server) == "abcdefgh"); });
      p.client.write_all("abc");
      CHECK(::send(p.client.native_handle(), "!", 1, MSG_OOB) == 1);
      p.client.write_all("def");
      p.client.write_all("gh");
      p.client.close();
      reader.join();
    }
  });
}

TEST_CASE("a buffered socket serves lines and keeps what follows them") {
  in_both_worlds([](const world& w) {
    tcp_pair p;
    auto client = w.start([&] {
      buffered c(p.client);
      for (int i = 0; i < 100; ++i) {
        c.write_all("line " + std::to_string(i) + "\r\n");
        if (i % 3 == 0) c.flush();
      }
      c.write_all("rest");
      c.flush();
      p.client.shutdown_write();
      CHECK(c.read_line() == "bye");
      CHECK(c.read_line() == std::nullopt);
    });
    buffered s(std::move(p.server));
    for (int i = 0; i < 100; ++i) CHECK(s.read_line() == "line " + std::to_string(i));
    std::error_code ec;
    CHECK(text_of(s.peek(4, ec)) == "rest");
    CHECK(s.read_line() == "rest");
    CHECK(s.read_line() == std::nullopt);
    s.write_all("bye\n");
    s.flush();
    s.next_layer().close();
    CHECK_THROWS_AS(s.read_line(), std::system_error);
    CHECK(s.read_line(ec) == std::nullopt);
    CHECK(ec == std::errc::bad_file_descriptor);
    client.join();
  });
}

TEST_CASE("after a short read the next read waits without asking, as long as that is sure to be right") {
  using weft::detail::socket_wait;
  on_fibers([](const world& w) {
    std::byte piece[100];
    tcp_pair p;
    CHECK_FALSE(socket_wait::drained(p.server));
    p.client.write_all("ab");
    CHECK(p.server.read_some(piece) == 2);
    CHECK(socket_wait::drained(p.server));
    auto reader = w.start([&] {
      CHECK(p.server.read_some(std::span(piece).first(2)) == 2);  // full: there may be more
      CHECK_FALSE(socket_wait::drained(p.server));
      CHECK(p.server.read_some(piece) == 1);
      CHECK(socket_wait::drained(p.server));
    });
    w.until_waiting(1);
    p.client.write_all("cde");
    reader.join();
    // Who has the fd may have made it something else than plain TCP.
    CHECK(p.server.native_handle() >= 0);
    CHECK_FALSE(socket_wait::drained(p.server));
    auto [a, b] = unix_stream::pair();
    a.write_all("x");
    CHECK(b.read_some(piece) == 1);
    CHECK_FALSE(socket_wait::drained(b));
  });
}

TEST_CASE("streams do not mind that their fibers move between workers") {
  on_fibers([](const world&) {
    std::vector<weft::fiber<void>> fibers;
    for (int i = 0; i < 20; ++i)
      fibers.push_back(weft::spawn({.movable = true}, [] {
        tcp_pair p;
        auto server = weft::spawn({.movable = true}, [&] { p.server.write_all(read_to_end(p.server)); });
        auto writer = weft::spawn({.movable = true}, [&] {
          for (int k = 0; k < 50; ++k) {
            p.client.write_all(std::to_string(k % 10));
            weft::this_fiber::yield();
          }
          p.client.shutdown_write();
        });
        server.join();
        writer.join();
        p.server.close();
        CHECK(read_to_end(p.client).size() == 50);
      }));
    for (auto& f : fibers) f.join();
  });
}
