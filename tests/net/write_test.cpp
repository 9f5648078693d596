// SPDX-License-Identifier: BSL-1.0
// Writes that take more than one step.
#include <doctest/doctest.h>

#include <random>

#include "net/loopback.hpp"
#include "net/worlds.hpp"

using namespace weft::test;
using namespace weft::net;
using namespace std::chrono_literals;
using weft::timed_out;

TEST_CASE("a large write meets a small reader: every byte arrives in its place") {
  in_both_worlds([](const world& w) {
    tcp_pair p;
    set_send_buffer(p.client.native_handle(), 32 << 10);
    const auto all = pattern(scaled(2'000'000, 200'000));
    auto writer = w.start([&] {
      p.client.write_all(all);
      p.client.close();
    });
    std::vector<std::byte> got(all.size() + 1);
    std::size_t size = 0;
    while (const auto count =
               p.server.read_some(std::span(got).subspan(size, std::min<std::size_t>(3001, got.size() - size))))
      size += count;
    writer.join();
    got.resize(size);
    CHECK(got == all);
  });
}

TEST_CASE("a peer that disappears while we write leaves a count of what went") {
  in_both_worlds([](const world& w) {
    tcp_pair p;
    const std::vector<std::byte> all(8'000'000);
    auto writer = w.start([&] {
      const auto e = error_of<partial_io>([&] { p.client.write_all(all); });
      CHECK((e.code() == std::errc::connection_reset || e.code() == std::errc::broken_pipe));
      CHECK(e.transferred() > 0);
      CHECK(e.transferred() < all.size());
    });
    w.until_waiting(1);
    reset_on_close(p.server);
    p.server.close();
    writer.join();
  });
}

TEST_CASE("a write that times out says how many bytes went, and exactly these arrive") {
  in_both_worlds([](const world&) {
    tcp_pair p;
    const auto all = pattern(16'000'000);
    const auto e = error_of<partial_io>([&] { p.client.write_all(all, 5ms); });
    CHECK(e.code() == std::errc::timed_out);
    CHECK(e.transferred() > 0);
    CHECK(e.transferred() < all.size());  // a slow reader holds the writer back
    // TCP may take a little more now and then, so one write without patience need not be refused.
    std::size_t sent = e.transferred();
    const auto until_full = [&] {
      while (sent < all.size()) sent += p.client.write_some(std::span(all).subspan(sent), 0s);
    };
    CHECK_THROWS_AS(until_full(), timed_out);
    p.client.close();
    const auto got = read_to_end(p.server);
    CHECK(got.size() == sent);
    CHECK(got == text_of(std::span(all).first(sent)));
  });
}

TEST_CASE("many buffers go as one, empty ones and more than the kernel takes at once among them") {
  in_both_worlds([](const world& w) {
    tcp_pair p;
    const auto all = pattern(400'000);
    std::vector<const_buffer> pieces;
    for (std::size_t at = 0, size = 0; at < all.size(); at += size, size = (size * 7 + 3) % 301)
      pieces.push_back(std::span(all).subspan(at, std::min(size, all.size() - at)));
    CHECK(pieces.size() > 2000);
    auto writer = w.start([&] {
      CHECK(p.client.write_some(std::span(pieces).first(1)) == 0);  // an empty one
      const auto first = p.client.write_some(pieces);
      CHECK(first > 0);
      // What is left, from the middle of a piece on.
      std::size_t skip = first;
      std::vector<const_buffer> rest;
      for (const auto& piece : pieces) {
        rest.push_back(piece.subspan(std::min(skip, piece.size())));
        skip -= std::min(skip, piece.size());
      }
      p.client.write_all(rest);
      p.client.write_all(std::span<const const_buffer>());
      p.client.close();
    });
    CHECK(read_to_end(p.server) == text_of(all));
    writer.join();
  });
}

TEST_CASE("a gathering write that times out counts what went") {
  in_both_worlds([](const world&) {
    tcp_pair p;
    const auto all = pattern(8'000'000);
    const const_buffer halves[] = {std::span(all).first(999'999), std::span(all).subspan(999'999)};
    const auto e = error_of<partial_io>([&] { p.client.write_all(halves, 5ms); });
    CHECK(e.code() == std::errc::timed_out);
    p.client.close();
    CHECK(read_to_end(p.server) == text_of(std::span(all).first(e.transferred())));
  });
}

TEST_CASE("empty reads and writes do nothing, but on closed streams they fail") {
  in_both_worlds([](const world&) {
    tcp_pair p;
    CHECK(p.client.read_some(std::span<std::byte>()) == 0);
    CHECK(p.client.write_some(const_buffer()) == 0);
    p.client.read_exact({});
    p.client.write_all("");
    p.client.close();
    CHECK_THROWS_AS(p.client.write_all(""), std::system_error);
    CHECK_THROWS_AS(p.client.read_exact({}), std::system_error);
  });
}

TEST_CASE("random conversations count every byte sent and received") {
  in_both_worlds([](const world& w) {
    constexpr int pairs = 8;
    const std::size_t total = scaled(300'000, 20'000);
    std::vector<tcp_pair> all(pairs);
    std::vector<actor> actors;
    for (int i = 0; i < pairs; ++i) {
      auto& p = all[static_cast<std::size_t>(i)];
      const auto write = [&w, total, i](tcp_stream& s, std::size_t salt) {
        std::mt19937 random(static_cast<unsigned>(i * 2 + static_cast<int>(salt)));
        for (std::size_t sent = 0; sent < total;) {
          const auto piece = pattern(std::min<std::size_t>(1 + random() % 5000, total - sent), sent + salt);
          s.write_all(piece);
          sent += piece.size();
          if (random() % 4 == 0 && w.has_fibers()) weft::this_fiber::yield();
        }
        s.shutdown_write();
      };
      const auto read = [total, i](tcp_stream& s, std::size_t salt) {
        std::mt19937 random(static_cast<unsigned>(1000 + i));
        std::vector<std::byte> piece(6000);
        std::size_t got = 0;
        bool right = true;
        while (const auto count = s.read_some(std::span(piece).first(1 + random() % piece.size()))) {
          for (std::size_t k = 0; k < count; ++k) right &= piece[k] == pattern_at(got + k + salt);
          got += count;
        }
        CHECK(right);
        CHECK(got == total);
      };
      actors.push_back(w.start([&p, write] { write(p.client, 1); }));
      actors.push_back(w.start([&p, read] { read(p.server, 1); }));
      actors.push_back(w.start([&p, write] { write(p.server, 2); }));
      actors.push_back(w.start([&p, read] { read(p.client, 2); }));
    }
    for (auto& a : actors) a.join();
  });
}
