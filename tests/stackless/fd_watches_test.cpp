// SPDX-License-Identifier: BSL-1.0
// Readers and writers of event loops that come and go.
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <weft/sched/context_var.hpp>
#include <weft/stackless.hpp>

namespace {

using weft::stackless::event_loop;

struct socket_pair {
  socket_pair() { REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0); }
  ~socket_pair() {
    for (const int end : ends) ::close(end);
  }
  std::array<int, 2> ends{};
};

}  // namespace

TEST_CASE("the callbacks of readers end with their loop") {
  socket_pair pair;
  const auto kept = std::make_shared<int>();
  event_loop loop;
  loop.add_reader(pair.ends[0], [kept] {});
  loop.add_writer(pair.ends[0], [kept, &loop] { loop.stop(); });
  loop.run_forever();
  CHECK(kept.use_count() == 3);
  loop.close();
  CHECK(kept.use_count() == 1);
}

TEST_CASE("readers and writers may replace and remove one another, and themselves") {
  socket_pair pair, other;
  REQUIRE(::write(pair.ends[1], "x", 1) == 1);
  REQUIRE(::write(other.ends[1], "x", 1) == 1);
  int first = 0, second = 0, writes = 0, others = 0;
  event_loop loop;
  weft::context_var<int> v;
  v.set(7);
  int seen = 0;
  const auto kept = std::make_shared<int>();
  loop.add_reader(pair.ends[0], [&, kept] {
    ++first;
    seen = v.get();
    loop.add_reader(pair.ends[0], [&] {
      ++second;
      if (second == 3) CHECK(loop.remove_reader(pair.ends[0]));
    });
    CHECK(loop.remove_reader(other.ends[0]));
    CHECK(first == 1);
  });
  loop.add_reader(other.ends[0], [&] { ++others; });
  loop.add_writer(pair.ends[0], [&] {
    if (++writes == 20) loop.stop();
  });
  loop.run_forever();
  CHECK(first == 1);
  CHECK(second == 3);
  CHECK(others == 0);
  CHECK(writes == 20);
  CHECK(seen == 7);
  CHECK(kept.use_count() == 1);
  CHECK_FALSE(loop.remove_reader(pair.ends[0]));
}
