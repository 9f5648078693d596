// SPDX-License-Identifier: BSL-1.0
// From one stream into another.
#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <vector>
#include <weft/net/copy.hpp>
#include <weft/net/file.hpp>
#include <weft/net/pipe.hpp>

#include "net/loopback.hpp"
#include "net/worlds.hpp"

using namespace weft::test;
using namespace weft::net;
using namespace std::chrono_literals;

TEST_CASE("copy moves everything up to the end, between streams of any kind") {
  in_both_worlds([](const world& w) {
    const temporary_directory directory;
    const auto sent = pattern(scaled(2'000'000, 200'000));
    write_file(directory.file("from"), text_of(sent));
    tcp_pair p;
    auto sender = w.start([&] {
      file from = file::open(directory.file("from"));
      CHECK(copy(from, p.client) == sent.size());
      p.client.shutdown_write();
    });
    auto [out, in] = weft::net::pipe();
    auto relay = w.start([&, &in = in] {
      CHECK(copy(p.server, in) == sent.size());
      in.close();
    });
    file to = file::open(directory.file("to"), open_mode::write | open_mode::create);
    CHECK(copy(out, to) == sent.size());
    sender.join();
    relay.join();
    CHECK(read_file(directory.file("to")) == text_of(sent));
    std::error_code ec;
    CHECK(copy(out, to, ec) == 0);
    CHECK_FALSE(ec);
  });
}

TEST_CASE("copy is found by its streams, also with an error code and between two of one type") {
  in_both_worlds([](const world&) {
    tcp_pair a, b;
    a.client.write_all("hello");
    a.client.shutdown_write();
    std::error_code ec;
    CHECK(copy(a.server, b.client, ec) == 5);
    CHECK_FALSE(ec);
    CHECK(copy(a.server, b.client, 1s, ec) == 0);
    CHECK(copy(a.server, b.client, 1s) == 0);
    CHECK(copy(a.server, b.client, std::chrono::steady_clock::now() + 1s) == 0);
    CHECK(read_text(b.server, 5) == "hello");
  });
}

TEST_CASE("a slow receiver holds the copy back: no more is read than one block beyond what is written") {
  on_fibers([](const world& w) {
    struct source {
      std::atomic<std::size_t> given{0};
      std::size_t read_some(std::span<std::byte> into, weft::deadline = weft::never) {
        given += into.size();
        return into.size();
      }
    } endless;
    auto [out, in] = weft::net::pipe();
    auto copier = w.start([&, &in = in] {
      std::error_code ec;
      const auto count = copy(endless, in, ec);
      CHECK(ec == std::errc::broken_pipe);
      CHECK(count > 0);
    });
    std::size_t taken = 0;
    std::byte buffer[1000];
    for (int i = 0; i < 5; ++i) {
      w.until_waiting(1);
      const std::size_t in_pipe = 65'536;
      CHECK(endless.given <= taken + in_pipe + weft::detail::buffer_pool::block_size);
      for (int k = 0; k < 10; ++k) taken += out.read_some(buffer);
    }
    out.close();
    copier.join();
  });
}

TEST_CASE("a copy that fails, times out or is cancelled says how much it did") {
  in_both_worlds([](const world& w) {
    tcp_pair p;
    p.client.write_all("0123456789");
    auto [out, in] = weft::net::pipe();
    const auto e = error_of<partial_io>([&, &in = in] { copy(p.server, in, 20ms); });
    CHECK(e.code() == std::errc::timed_out);
    CHECK(e.transferred() == 10);
    CHECK(read_text(out, 10) == "0123456789");
    out.close();
    p.client.write_all("x");
    std::error_code ec;
    CHECK(copy(p.server, in, ec) == 0);
    CHECK(ec == std::errc::broken_pipe);
    if (!w.has_fibers()) return;
    auto [other_out, other_in] = weft::net::pipe();
    p.client.write_all("12345");
    auto copier = w.start([&, &to = other_in] {
      CHECK_THROWS_AS(copy(p.server, to), weft::cancelled);
      CHECK(weft::this_fiber::last_transferred() == 5);
    });
    CHECK(read_text(other_out, 5) == "12345");
    w.until_waiting(1);
    copier.fiber().cancel();
    copier.join();
  });
}
