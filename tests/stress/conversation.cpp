// SPDX-License-Identifier: BSL-1.0
#include "stress/conversation.hpp"

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <thread>
#include <vector>
#include <weft/net/tcp_listener.hpp>
#include <weft/net/tcp_stream.hpp>
#include <weft/net/unix_listener.hpp>
#include <weft/net/unix_stream.hpp>

namespace weft::stress {
namespace {

using namespace std::chrono_literals;
using net::const_buffer;

std::byte byte_at(std::uint64_t of, std::uint64_t offset) {
  return std::byte((offset + of) * 0x9e3779b97f4a7c15u >> 56);
}

bool was_provoked(const std::error_code& code) {
  return code == std::errc::timed_out || code == std::errc::operation_canceled;
}

// On loopback, an address of its own for each conversation: who comes too late to a listener meets nobody, and not one
// of another conversation that got the same port (once thousands of ports wait for their time, that is the rule).
net::address somewhere(rng& random) {
  const auto part = [&random] { return std::string(".") + std::to_string(1 + random.below(254)); };
  return net::address("127" + part() + part() + part(), 0);
}

// The listener may be closed before somebody comes to accept.
bool was_closed(const std::error_code& code) { return was_provoked(code) || code == std::errc::bad_file_descriptor; }

// Of the two ends of a connection that somebody closes.
bool was_torn(const std::error_code& code) {
  return was_provoked(code) || code == std::errc::bad_file_descriptor || code == std::errc::broken_pipe ||
         code == std::errc::connection_reset;
}
using judge = bool(const std::error_code&);

deadline sometimes(rng& random) { return random.one_in(4) ? deadline(random.up_to(500us)) : never; }

// Writes `total` bytes; `sent` is right whatever leaves it.
template <class Stream>
void send(Stream& to, std::uint64_t id, std::uint64_t total, rng& random, std::uint64_t& sent, judge& may_be) {
  std::vector<std::byte> block;
  while (sent < total) {
    block.resize(std::min<std::uint64_t>(total - sent, 1 + random.below(random.one_in(3) ? 100'000 : 500)));
    for (std::size_t i = 0; i < block.size(); ++i) block[i] = byte_at(id, sent + i);
    const const_buffer whole(block);
    const deadline until = sometimes(random);
    bool composed = false;
    try {
      switch (random.below(4)) {
        case 0:
          sent += to.write_some(whole, until);
          break;
        case 1: {
          const std::size_t cut = random.below(block.size() + 1);
          const const_buffer parts[] = {whole.first(cut), {}, whole.subspan(cut)};
          sent += to.write_some(parts, until);
          break;
        }
        case 2: {
          composed = true;
          std::error_code ec;
          sent += to.write_all(whole, until, ec);
          must.network(!ec || may_be(ec), ec.value());
          if (ec && ec != std::errc::timed_out) return;
          break;
        }
        default:
          composed = true;
          to.write_all(whole, until);
          sent += whole.size();
      }
    } catch (const net::partial_io& e) {
      sent += e.transferred();
      must.network(may_be(e.code()), e.code().value());
      if (e.code() != std::errc::timed_out) return;
    } catch (const std::system_error& e) {
      must.network(may_be(e.code()), e.code().value());
      if (e.code() != std::errc::timed_out) return;
    } catch (const cancelled&) {
      if (composed) sent += this_fiber::last_transferred();
      throw;
    }
    if (random.one_in(8)) this_fiber::yield();
  }
}

void compare(std::uint64_t id, std::uint64_t& received, std::span<const std::byte> what) {
  bool right = true;
  for (const std::byte b : what) right &= b == byte_at(id, received++);
  must.bytes(right);
}

// Reads to the end of the stream. A cancellation is passed on once all has been read nevertheless.
template <class Stream>
void receive(Stream& from, std::uint64_t id, rng& random, std::uint64_t& received, judge& may_be) {
  std::vector<std::byte> block;
  for (bool ended = false; !ended;) {
    block.resize(1 + random.below(random.one_in(3) ? 100'000 : 500));
    const std::span<std::byte> whole(block);
    const deadline until = sometimes(random);
    bool composed = false;
    std::size_t got = 0;
    try {
      if (random.one_in(2)) {
        got = from.read_some(whole, until);
        ended = got == 0;
      } else {
        composed = true;
        from.read_exact(whole, until);
        got = whole.size();
      }
    } catch (const net::end_of_stream& e) {
      got = e.transferred();
      ended = true;
    } catch (const net::partial_io& e) {
      got = e.transferred();
      must.network(may_be(e.code()), e.code().value());
      ended = e.code() != std::errc::timed_out;
    } catch (const std::system_error& e) {
      must.network(may_be(e.code()), e.code().value());
      ended = e.code() != std::errc::timed_out;
    } catch (const cancelled&) {
      if (composed) compare(id, received, whole.first(this_fiber::last_transferred()));
      shield([&] { receive(from, id, random, received, may_be); });
      throw;
    }
    compare(id, received, whole.first(got));
  }
}

std::uint64_t some_total(rng& random) {
  return random.one_in(8) ? random.below(2'000'000) : random.one_in(2) ? random.below(20'000) : random.below(200);
}

// Runs a function when it goes.
template <class F> class finally {
 public:
  explicit finally(F what) : what_(std::move(what)) {}
  finally(finally&& other) noexcept : what_(other.what_), mine_(std::exchange(other.mine_, false)) {}
  ~finally() {
    if (mine_) what_();
  }

 private:
  F what_;
  bool mine_ = true;
};

// Whatever becomes of the writer, and be it that it never runs, its end is closed, and the reader comes to an end.
template <class Writer, class Reader, class Closer>
void one_way(world& w, rng& random, Writer&& connect, Reader&& accept, Closer&& hang_up) {
  const token here;
  const std::uint64_t id = random(), total = some_total(random), seed = random();
  std::uint64_t sent = 0, received = 0;
  bool accepted = false;
  auto writer = spawn([&, t = token(), end = finally(hang_up)] {
    const token there;
    rng own(seed);
    auto to = connect();
    if (to.is_open()) send(to, id, total, own, sent, was_provoked);
  });
  w.spawned.fetch_add(1, std::memory_order_relaxed);
  if (random.one_in(3)) w.everybody.put(random, writer.ref());
  const auto check = [&] {
    writer = {};  // cancelled, if it has not ended, and waited for
    if (accepted) must.totals.equal(received, sent);
  };
  try {
    auto from = accept();
    if ((accepted = from.is_open())) receive(from, id, random, received, was_provoked);
  } catch (const cancelled&) {
    if (!accepted) {  // a connection that was made has to be emptied all the same
      shield([&] {
        auto from = accept();
        if ((accepted = from.is_open())) receive(from, id, random, received, was_provoked);
      });
    }
    check();
    throw;
  }
  check();
}

template <class Listener, class Stream> void one_way_over(world& w, rng& random, const net::address& at) {
  Listener listener(at);
  const deadline connect_by = sometimes(random);
  bool connected = false;
  one_way(
      w, random,
      [&] {
        std::error_code ec;
        Stream s = Stream::connect(listener.local(), connect_by, ec);
        must.network(!ec || was_provoked(ec), ec.value());
        connected = s.is_open();
        return s;
      },
      [&] {
        std::error_code ec;
        Stream s = listener.accept(ec);
        must.network(!ec || was_closed(ec), ec.value());
        return s;
      },
      [&] {  // without a connection nobody may wait for it
        if (!connected) listener.close();
      });
}

}  // namespace

void one_way_tcp(world& w, rng& random) {
  one_way_over<net::tcp_listener, net::tcp_stream>(w, random, somewhere(random));
}

void one_way_unix(world& w, rng& random) {
  const auto name = "unix:@weft-stress-" + std::to_string(getpid()) + "-" + std::to_string(random());
  one_way_over<net::unix_listener, net::unix_stream>(w, random, net::address::parse(name));
}

void one_way_pair(world& w, rng& random) {
  auto both = net::unix_stream::pair();
  one_way(
      w, random, [&] { return std::move(both.first); }, [&] { return std::move(both.second); },
      [&] { both.first.close(); });
}

void torn_pair(world& w, rng& random) {
  const token here;
  auto both = net::unix_stream::pair();
  struct flow {
    net::unix_stream &from, &to;
    std::uint64_t id, seed, sent = 0, received = 0;
  } flows[] = {{both.first, both.second, random(), random()}, {both.second, both.first, random(), random()}};
  const auto pause = random.up_to(1ms);
  const bool from_thread = random.one_in(16), is_second = random.one_in(2);
  with_scope([&](scope& s) {
    net::unix_stream& victim = is_second ? both.second : both.first;
    const finally end([&] { victim.close(); });
    for (flow& f : flows) {
      const bool writes_to_victim = &f.to == &victim;
      s.spawn({.name = writes_to_victim ? "writes, is torn" : "writes"}, [&f, t = token()] {
        rng own(f.seed);
        try {
          send(f.to, f.id, 10'000'000, own, f.sent, was_torn);
        } catch (const std::system_error& e) {
          must.network(false, e.code().value());
        }
        std::error_code ec;
        f.to.shutdown_write(ec);
      });
      s.spawn({.name = writes_to_victim ? "reads" : "reads, is torn"}, [&f, t = token()] {
        rng own(f.seed + 1);
        receive(f.from, f.id, own, f.received, was_torn);
      });
    }
    w.spawned.fetch_add(4, std::memory_order_relaxed);
    this_fiber::sleep_for(pause);
    if (from_thread) std::thread([&] { victim.close(); }).join();
  });
  for (const flow& f : flows)
    must.torn(f.received <= f.sent, static_cast<long long>(f.received), static_cast<long long>(f.sent));
}

void crowd_of_acceptors(world& w, rng& random) {
  net::tcp_listener listener(somewhere(random));
  const auto pause = random.up_to(300us);
  std::atomic<unsigned> accepted{0}, connected{0};
  with_scope([&](scope& s) {
    for (int i = 0; i < 3; ++i) {
      s.spawn([&, t = token()] {
        for (std::error_code ec;;) {
          auto c = listener.accept(ec);
          must.network(!ec || was_closed(ec), ec.value());
          if (ec) break;
          accepted.fetch_add(1, std::memory_order_relaxed);
        }
      });
    }
    for (int i = 0; i < 4; ++i) {
      s.spawn([&, t = token()] {
        std::error_code ec;
        auto c = net::tcp_stream::connect(listener.local(), ec);
        if (!ec) connected.fetch_add(1, std::memory_order_relaxed);
        must.network(
            !ec || was_provoked(ec) || ec == std::errc::connection_refused || ec == std::errc::connection_reset,
            ec.value());
      });
    }
    w.spawned.fetch_add(7, std::memory_order_relaxed);
    this_fiber::sleep_for(pause);
    listener.close();
  });
  must.network(accepted <= 4, accepted);
}

}  // namespace weft::stress
