// SPDX-License-Identifier: BSL-1.0
// Connecting to the first of several addresses that answers.
#include <doctest/doctest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cstddef>
#include <optional>
#include <thread>
#include <vector>

#include "net/connect_race.hpp"
#include "net/full_listener.hpp"
#include "net/loopback.hpp"
#include "net/worlds.hpp"

using namespace weft::test;
using namespace weft::net;
using namespace std::chrono_literals;
using weft::timed_out;
using weft::detail::connect_race;

namespace {

// From here on the kernel fails this thread's connect(2) like one that the network has not answered. False: it cannot.
bool time_out_connects_of_this_thread() {
  sock_filter steps[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                         BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_connect, 0, 1),
                         BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ETIMEDOUT),
                         BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  const sock_fprog program{std::size(steps), steps};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

address nobody() {
  const tcp_listener gone(any_port());
  return gone.local();
}

std::vector<std::string> ordered(std::initializer_list<const char*> texts) {
  std::vector<address> all;
  for (const char* text : texts) all.push_back(address::parse(text));
  std::vector<std::string> result;
  for (const auto& a : connect_race::in_turn(all)) result.push_back(a.to_string());
  return result;
}

// Like connect(), less patient.
tcp_stream race_to(std::span<const address> all, weft::deadline until, int& error) {
  tcp_stream winner;
  connect_race race(all, 10ms);
  error = race.run(until, winner);
  return winner;
}

}  // namespace

TEST_CASE("families take turns, beginning with that of the first; the order within each stays") {
  using list = std::vector<std::string>;
  CHECK(ordered({"[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"}) ==
        list{"[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"});
  CHECK(ordered({"1.1.1.1:1", "[::1]:1", "[::2]:1"}) == list{"1.1.1.1:1", "[::1]:1", "[::2]:1"});
  CHECK(ordered({"1.1.1.1:1", "2.2.2.2:1"}) == list{"1.1.1.1:1", "2.2.2.2:1"});
  CHECK(ordered({"1.1.1.1:1"}) == list{"1.1.1.1:1"});
  CHECK(ordered({}).empty());
}

TEST_CASE("the first that answers wins, whichever fail before or hang") {
  in_both_worlds([](const world&) {
    tcp_listener listener(any_port());
    full_listener hanging;
    const address good = listener.local(), silent = hanging.listener.local(), refused = nobody();
    const std::vector<std::vector<address>> lists = {
        {good},         {good, refused},         {refused, good},       {refused, refused, refused, good},
        {silent, good}, {silent, refused, good}, {silent, silent, good}};
    for (const auto& list : lists) {
      int error = 0;
      auto client = race_to(list, 20s, error);
      CHECK(error == 0);
      CHECK(client.remote() == good);
      auto server = listener.accept(20s);
      CHECK(server.remote() == client.local());
      client.write_all("hello");
      CHECK(read_text(server, 5) == "hello");
    }
  });
}

TEST_CASE("while one is silent the next one waits for its turn; once it has failed that has come") {
  in_both_worlds([](const world&) {
    tcp_listener listener(any_port());
    full_listener hanging;
    const address good = listener.local(), silent = hanging.listener.local(), refused = nobody();
    const std::vector<address> patient = {silent, good}, at_once = {refused, good};
    tcp_stream winner;
    connect_race waits(patient, 1h);
    CHECK(waits.run(5ms, winner) == weft::detail::deadline_passed);
    CHECK(contains(waits.account().c_str(), to_string(silent)));
    CHECK_FALSE(contains(waits.account().c_str(), to_string(good)));
    CHECK_THROWS_AS(static_cast<void>(listener.accept(-1s)), timed_out);
    connect_race goes_on(at_once, 1h);
    CHECK(goes_on.run(20s, winner) == 0);
    CHECK(winner.remote() == good);
  });
}

TEST_CASE("when all fail, the first one's error is thrown, with what became of each") {
  in_both_worlds([](const world&) {
    const address one = nobody(), other = nobody();
    const std::vector<address> list = {one, address::parse("unix:/x"), other};
    const auto e = error_of([&] { static_cast<void>(tcp_stream::connect(list)); });
    CHECK(e.code() == std::errc::connection_refused);
    CHECK(contains(e.what(), to_string(one) + ": Connection refused"));
    CHECK(contains(e.what(), to_string(other) + ": Connection refused"));
    CHECK(contains(e.what(), "unix:/x: Address family not supported"));
    std::error_code ec;
    CHECK_FALSE(tcp_stream::connect(list, ec).is_open());
    CHECK(ec == std::errc::connection_refused);
    CHECK_FALSE(tcp_stream::connect(std::span<const address>(), 1s, ec).is_open());
    CHECK(ec == std::errc::invalid_argument);
  });
}

TEST_CASE("a race that nobody wins in time times out, and leaves no socket") {
  in_both_worlds([](const world&) {
    full_listener hanging;
    const address silent = hanging.listener.local();
    const std::vector<address> list = {silent, silent};
    const auto e = error_of<timed_out>([&] { static_cast<void>(tcp_stream::connect(list, 5ms)); });
    CHECK(contains(e.what(), to_string(silent) + ": Connection timed out"));
    int error = 0;
    CHECK_FALSE(race_to(list, 50ms, error).is_open());  // with both under way
    CHECK(error == weft::detail::deadline_passed);
    std::error_code ec;
    CHECK_FALSE(tcp_stream::connect(list, -1s, ec).is_open());
    CHECK(ec == std::errc::timed_out);
  });
}

TEST_CASE("a race can be cancelled, before and while it waits") {
  on_fibers([](const world& w) {
    full_listener hanging;
    const std::vector<address> list = {hanging.listener.local(), hanging.listener.local()};
    auto caller = w.start([&] {
      std::error_code ec;
      CHECK_THROWS_AS(static_cast<void>(tcp_stream::connect(list, ec)), weft::cancelled);
      CHECK_THROWS_AS(static_cast<void>(tcp_stream::connect(list, ec)), weft::cancelled);
    });
    w.until_waiting(1);
    caller.fiber().cancel();
    caller.join();
  });
}

TEST_CASE("one that hangs at first may still win when the others have failed") {
  in_both_worlds([](const world& w) {
    full_listener hanging;
    const address silent = hanging.listener.local();
    const std::vector<address> list = {silent, nobody()};
    auto caller = w.start([&] { CHECK(tcp_stream::connect(list, 60s).remote() == silent); });
    w.until_waiting(1);
    // Room in the queue: the kernel repeats what it dropped, after a second.
    while (hanging.make_room()) {
    }
    caller.join();
  });
}

TEST_CASE("a host is connected to by its name, over whichever family it listens on") {
  in_both_worlds([](const world&) {
    tcp_listener listener(any_port());
    const std::string port = std::to_string(listener.local().port());
    auto client = tcp_stream::connect("localhost", port, 20s);
    auto server = listener.accept(20s);
    CHECK(server.remote() == client.local());
    std::error_code ec;
    CHECK(tcp_stream::connect("127.0.0.1", port, ec).is_open());
    CHECK_FALSE(ec);
    const std::string closed = std::to_string(nobody().port());
    const auto e = error_of([&] { static_cast<void>(tcp_stream::connect("localhost", closed)); });
    CHECK(e.code() == std::errc::connection_refused);
    CHECK(contains(e.what(), "connect to \"localhost\", service \"" + closed + "\""));
    CHECK(contains(e.what(), "127.0.0.1:" + closed));
    CHECK_FALSE(tcp_stream::connect("localhost", "no-such-service", 1s, ec).is_open());
    CHECK(ec == resolve_errc::service_not_found);
    CHECK_THROWS_AS(static_cast<void>(tcp_stream::connect("localhost", "no-such-service")), std::system_error);
  });
}

TEST_CASE("an IPv6 host that listens is reached by its name even if IPv4 is silent") {
  std::optional<tcp_listener> listener;
  try {
    listener.emplace(address("::1", 0), listen_options{.v6_only = true});
  } catch (const std::system_error&) {
    skip("this machine has no IPv6");
    return;
  }
  in_both_worlds([&](const world&) {
    full_listener hanging;
    auto client = tcp_stream::connect(std::vector<address>{hanging.listener.local(), listener->local()}, 20s);
    CHECK(client.remote() == listener->local());
  });
}

TEST_CASE("what the kernel has timed out is not taken for a deadline of the caller's") {
  std::thread([] {
    if (!time_out_connects_of_this_thread()) return skip("this kernel filters no system calls");
    const address silent("127.0.0.1", 1);
    const std::vector<address> several{silent, silent};
    const std::error_code by_kernel(ETIMEDOUT, std::system_category());
    CHECK(error_of([&] { static_cast<void>(tcp_stream::connect(silent)); }).code() == by_kernel);
    CHECK(error_of([&] { static_cast<void>(tcp_stream::connect(several)); }).code() == by_kernel);
  }).join();
}
