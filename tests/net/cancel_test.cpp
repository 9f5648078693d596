// SPDX-License-Identifier: BSL-1.0
// Operations on streams that end by a deadline, a cancellation or not by a signal.
#include <doctest/doctest.h>
#include <signal.h>

#include <atomic>
#include <weft/net/buffered.hpp>

#include "net/loopback.hpp"
#include "net/worlds.hpp"

using namespace weft::test;
using namespace weft::net;
using namespace std::chrono_literals;
using weft::timed_out;

namespace {

// As long as it lives SIGUSR1 interrupts, and is counted.
class interruptions {
 public:
  interruptions() {
    taken = 0;
    struct sigaction counting = {};
    counting.sa_handler = [](int) { ++taken; };
    ::sigaction(SIGUSR1, &counting, &before_);
  }
  interruptions(const interruptions&) = delete;
  interruptions& operator=(const interruptions&) = delete;
  ~interruptions() { ::sigaction(SIGUSR1, &before_, nullptr); }

  static inline std::atomic<int> taken{0};

 private:
  struct sigaction before_;
};

}  // namespace

TEST_CASE("a deadline in the past still takes what is there, and times out where nothing is") {
  in_both_worlds([](const world&) {
    tcp_pair p;
    std::byte four[4];
    CHECK(error_of<timed_out>([&] { static_cast<void>(p.server.read_some(four, 0s)); }).code() == std::errc::timed_out);
    std::error_code ec;
    CHECK(p.server.read_some(four, -1h, ec) == 0);
    CHECK(ec == std::errc::timed_out);
    p.client.write_all("ab");
    p.server.wait_readable();
    CHECK(p.server.read_some(four, 0s) == 2);
    CHECK(p.server.try_read_some(four, ec) == 0);
    CHECK(ec == std::errc::operation_would_block);
    p.client.write_all("cd");
    const auto e = error_of<partial_io>([&] { p.server.read_exact(four, 5ms); });
    CHECK(e.code() == std::errc::timed_out);
    CHECK(e.transferred() == 2);
  });
}

TEST_CASE("signals do not end a wait") {
  const interruptions by_signal;
  const world w(false);
  tcp_pair p;
  std::atomic<pthread_t> who{};
  auto reader = w.start([&] {
    who = ::pthread_self();
    CHECK(read_text(p.server, 4) == "four");
    std::byte one[1];
    CHECK_THROWS_AS(static_cast<void>(p.server.read_some(one, 50ms)), timed_out);
  });
  for (const char c : std::string("four")) {
    for (int i = 0; i < 25; ++i) {
      w.until_waiting(1);
      ::pthread_kill(who, SIGUSR1);
    }
    p.client.write_all(std::string_view(&c, 1));
  }
  for (int i = 0; i < 25; ++i) ::pthread_kill(who, SIGUSR1);
  reader.join();
}

TEST_CASE("a signal does not make a stream look ready") {
  const interruptions by_signal;
  const world w(false);
  tcp_pair p;
  std::atomic<pthread_t> who{};
  std::atomic<bool> done{false};
  int mistakes = 0;
  auto asker = w.start([&] {
    who = ::pthread_self();
    while (interruptions::taken < 5'000) {
      std::error_code ec;
      p.server.wait_readable(0s, ec);
      mistakes += ec != std::errc::timed_out;
    }
    done = true;
  });
  while (!who) std::this_thread::yield();
  while (!done) ::pthread_kill(who, SIGUSR1);
  asker.join();
  CHECK(mistakes == 0);
}

TEST_CASE("a cancelled read did not happen: what arrives later is all there") {
  on_fibers([](const world& w) {
    for (std::size_t i = 0; i < scaled(500, 50); ++i) {
      tcp_pair p;
      std::size_t read = 0;
      auto reader = w.start([&] {
        std::byte four[4];
        std::error_code ec;
        read = p.server.read_some(four, ec);
      });
      if (i % 2) w.until_waiting(1);
      reader.fiber().cancel();
      p.client.write_all("data");
      try {
        reader.join();
        CHECK(read == 4);
      } catch (const std::system_error& e) {
        CHECK(e.code() == std::errc::operation_canceled);
        CHECK(read_text(p.server, 4) == "data");
      }
      p.client.close();
      CHECK(read_to_end(p.server).empty());
    }
  });
}

TEST_CASE("a cancelled fiber neither reads nor writes, even where it need not wait") {
  on_fibers([](const world& w) {
    tcp_pair p;
    p.client.write_all("ready");
    p.server.wait_readable();
    std::atomic<bool> started{false};
    auto victim = w.start([&] {
      started = true;
      while (!weft::this_fiber::cancelled()) {
        try {
          weft::this_fiber::yield();
        } catch (const weft::cancelled&) {
        }
      }
      std::byte piece[5];
      std::error_code ec;
      CHECK_THROWS_AS(static_cast<void>(p.server.read_some(piece)), weft::cancelled);
      CHECK_THROWS_AS(static_cast<void>(p.server.try_read_some(piece, ec)), weft::cancelled);
      CHECK_THROWS_AS(p.server.write_all("x", ec), weft::cancelled);
      CHECK_THROWS_AS(p.server.wait_readable(0s, ec), weft::cancelled);
      CHECK_THROWS_AS(static_cast<void>(tcp_stream::connect(p.server.remote(), ec)), weft::cancelled);
      weft::shield([&] { CHECK(read_text(p.server, 5) == "ready"); });
    });
    while (!started) weft::this_fiber::yield();
    victim.fiber().cancel();
    victim.join();
  });
}

TEST_CASE("in a cancelled scope no operation happens, even where it need not wait") {
  on_fibers([](const world&) {
    const temporary_directory directory;
    tcp_listener listener(any_port());
    unix_listener local(address::unix_path(directory.file("s")));
    udp_socket here(any_port()), there(any_port());
    auto [out, in] = weft::net::pipe();
    auto client = tcp_stream::connect(listener.local());
    auto local_client = unix_stream::connect(local.local());
    CHECK(here.send_to("one", there.local()) == 3);
    in.write_all("x");
    std::byte piece[5];
    std::error_code ec;
    weft::with_scope([&, &out = out, &in = in](weft::scope& s) {
      s.cancel();
      CHECK_THROWS_AS(static_cast<void>(listener.accept()), weft::cancelled);
      CHECK_THROWS_AS(static_cast<void>(listener.accept(0s, ec)), weft::cancelled);
      CHECK_THROWS_AS(static_cast<void>(local.accept()), weft::cancelled);
      CHECK_THROWS_AS(static_cast<void>(unix_stream::connect(local.local())), weft::cancelled);
      CHECK_THROWS_AS(static_cast<void>(client.write_some(piece)), weft::cancelled);
      CHECK_THROWS_AS(client.wait_writable(), weft::cancelled);
      CHECK_THROWS_AS(static_cast<void>(there.receive_from(piece)), weft::cancelled);
      CHECK_THROWS_AS(static_cast<void>(here.send_to("two", there.local())), weft::cancelled);
      CHECK_THROWS_AS(static_cast<void>(out.read_some(piece)), weft::cancelled);
      CHECK_THROWS_AS(in.write_all("y"), weft::cancelled);
      CHECK_THROWS_AS(static_cast<void>(wait_readable(out.native_handle())), weft::cancelled);
      CHECK_THROWS_AS(static_cast<void>(wait_writable(in.native_handle(), 0s)), weft::cancelled);
      CHECK_THROWS_AS(static_cast<void>(resolve("127.0.0.1", "80")), weft::cancelled);
    });
    CHECK(listener.accept(0s).remote() == client.local());
    CHECK(local.accept(0s).is_open());
    CHECK_THROWS_AS(static_cast<void>(local.accept(0s)), timed_out);
    CHECK(there.receive_from(piece, 0s).first == 3);
    CHECK_THROWS_AS(static_cast<void>(there.receive_from(piece, 0s)), timed_out);
    CHECK(out.read_some(piece) == 1);
  });
}

TEST_CASE("a write_all that is cancelled leaves its count with the fiber, and exactly that arrives") {
  on_fibers([](const world& w) {
    tcp_pair p;
    const auto all = pattern(8'000'000);
    std::size_t count = 0;
    auto writer = w.start([&] {
      CHECK_THROWS_AS(p.client.write_all(all), weft::cancelled);
      count = weft::this_fiber::last_transferred();
      p.client.close();
    });
    w.until_waiting(1);
    writer.fiber().cancel();
    writer.join();
    CHECK(count > 0);
    CHECK(count < all.size());
    CHECK(read_to_end(p.server) == text_of(std::span(all).first(count)));
  });
}

TEST_CASE("a fiber that has moved nothing says so, whatever the one before it in its block had moved") {
  weft::run(
      [] {
        tcp_pair p;
        const auto all = pattern(8'000'000);
        weft::spawn([&] {
          do {
            CHECK_THROWS_AS(weft::with_timeout(1ms, [&] { p.client.write_all(all); }), timed_out);
          } while (weft::this_fiber::last_transferred() == 0);  // the time may have passed before it began
        }).join();
        CHECK(weft::spawn([] { return weft::this_fiber::last_transferred(); }).join() == 0);
      },
      {.workers = 1});
}

TEST_CASE("a deadline around an operation ends it") {
  on_fibers([](const world&) {
    tcp_pair p;
    std::byte one[1];
    CHECK_THROWS_AS(weft::with_timeout(2ms, [&] { static_cast<void>(p.server.read_some(one)); }), timed_out);
    p.client.write_all("x");
    CHECK(weft::with_timeout(1h, [&] { return p.server.read_some(one); }) == 1);
  });
}

TEST_CASE("a buffered read that waits times out, and can be cancelled, without losing a byte") {
  on_fibers([](const world& w) {
    tcp_pair p;
    buffered s(p.server);
    p.client.write_all("half a li");
    CHECK_THROWS_AS(s.read_line(5ms), timed_out);
    std::error_code ec;
    CHECK(s.read_line(0s, ec) == std::nullopt);
    CHECK(ec == std::errc::timed_out);
    auto reader = w.start([&] { CHECK_THROWS_AS(s.read_line(), weft::cancelled); });
    w.until_waiting(1);
    reader.fiber().cancel();
    reader.join();
    p.client.write_all("ne\n");
    CHECK(s.read_line() == "half a line");
  });
}
