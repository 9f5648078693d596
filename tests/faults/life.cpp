// SPDX-License-Identifier: BSL-1.0
#include "faults/life.hpp"

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <optional>
#include <string>
#include <thread>
#include <vector>
#include <weft/weft.hpp>

#include "support/scale.hpp"

namespace weft::faults {
namespace {

using namespace std::chrono_literals;

void echo_once(auto& stream) {
  std::array<std::byte, 4096> block;
  while (const std::size_t got = stream.read_some(block)) stream.write_all(net::const_buffer(block).first(got));
  stream.shutdown_write();
}

void converse(auto& stream) {
  std::vector<std::byte> sent(letter), got(letter);
  for (std::size_t i = 0; i < letter; ++i) sent[i] = std::byte(i * 7);
  with_scope([&](scope& s) {  // so that the error of one ends the other
    s.spawn([&] {
      const net::const_buffer whole(sent);
      const net::const_buffer parts[] = {whole.first(1000), whole.subspan(1000)};
      stream.write_all(parts);
      stream.shutdown_write();
    });
    stream.read_exact(got);
  });
  if (got != sent) throw std::logic_error("an echo differs from what was sent");
  std::byte more[1];
  if (stream.read_some(more) != 0) throw std::logic_error("an echo is longer than what was sent");
}

template <class Listener, class Stream> void echo_over(const net::address& at) {
  Listener listener(at);
  with_scope([&](scope& s) {
    s.spawn([&] {
      auto stream = listener.accept();
      echo_once(stream);
    });
    auto stream = Stream::connect(listener.local());
    static_cast<void>(stream.local().to_string() + stream.remote().to_string());
    converse(stream);
  });
}

void serve_some() {
  net::tcp_listener listener(net::address("127.0.0.1", 0));
  with_scope([&](scope& s) {
    s.spawn([&] { net::serve(listener, [](net::tcp_stream stream) { echo_once(stream); }); });
    struct closer {
      net::tcp_listener& of;
      ~closer() { of.close(); }
    } const end{listener};
    for (int i = 0; i < 3; ++i) {
      auto stream = net::tcp_stream::connect(listener.local());
      stream.set_no_delay(true);
      converse(stream);
    }
  });
}

void wait_for_a_pipe() {
  int ends[2];
  if (pipe(ends) != 0) std::abort();
  struct closer {
    int* ends;
    ~closer() {
      close(ends[0]);
      close(ends[1]);
    }
  } const end{ends};
  with_scope([&](scope& s) {
    s.spawn([&] {
      this_fiber::sleep_for(1ms);
      if (write(ends[1], "x", 1) != 1) throw std::system_error(errno, std::system_category(), "write to a pipe");
    });
    if (!net::wait_readable(ends[0], 5s)) throw std::system_error(ETIMEDOUT, std::system_category(), "a pipe");
  });
}

void exchange_datagrams() {
  net::udp_socket one(net::address("127.0.0.1", 0)), other(net::address("127.0.0.1", 0));
  std::array<std::byte, 64> block;
  for (int i = 0; i < 3; ++i) {
    one.send_to("hello", other.local());
    const auto [size, from] = other.receive_from(block, 5s);
    if (size != 5 || !from.is_ip()) throw std::logic_error("a datagram differs from what was sent");
  }
}

// Through a pipe of weft's and through one that blocks.
void stream_through(net::pipe_reader from, net::pipe_writer to) {
  std::vector<std::byte> sent(letter), got(letter);
  for (std::size_t i = 0; i < letter; ++i) sent[i] = std::byte(i * 7);
  with_scope([&](scope& s) {
    s.spawn([&, to = std::move(to)]() mutable {
      to.write_all(sent);
      to.close();
    });
    from.read_exact(got);
  });
  std::byte more[1];
  if (got != sent || from.read_some(more) != 0) throw std::logic_error("a pipe gives what was not put in");
}

void use_pipes() {
  auto [from, to] = net::pipe();
  stream_through(std::move(from), std::move(to));
  int ends[2];
  if (pipe(ends) != 0) std::abort();
  std::error_code ec;
  net::pipe_reader blocking_from = net::pipe_reader::adopt(ends[0], ec);
  if (ec) close(ends[0]);
  net::pipe_writer blocking_to;
  if (!ec) blocking_to = net::pipe_writer::adopt(ends[1], ec);
  if (ec) {
    close(ends[1]);
    throw std::system_error(ec, "adopt");
  }
  stream_through(std::move(blocking_from), std::move(blocking_to));
}

// By a name, so that the look-up goes to the pool.
void connect_by_name() {
  net::tcp_listener listener(net::address("127.0.0.1", 0));
  auto stream = net::tcp_stream::connect("localhost", std::to_string(listener.local().port()), 5s);
  auto accepted = listener.accept();
  stream.write_all("x");
  std::byte one[1];
  accepted.read_exact(one);
}

void use_a_file() {
  const std::string path = "/tmp/weft-faults-file-" + std::to_string(getpid());
  struct remover {
    const std::string& what;
    ~remover() { std::remove(what.c_str()); }
  } const end{path};
  using net::open_mode;
  net::file f = net::file::open(path, open_mode::read | open_mode::write | open_mode::create | open_mode::truncate);
  const std::vector<std::byte> sent(3000, std::byte{42});
  f.write_all(sent);
  if (f.write_at(3000, net::const_buffer(sent).first(1)) != 1) throw std::logic_error("a byte was not written");
  const std::size_t size = 300'000;  // more than is read without the pool
  f.resize(size);
  f.sync();
  f.sync_data();
  std::vector<std::byte> got(size);
  if (f.size() != size || f.read_at(0, got) == 0 || got[0] != sent[0]) throw std::logic_error("a file is too short");
  f.seek(0);
  f.read_exact(std::span(got).first(sent.size()));
  if (!std::equal(sent.begin(), sent.end(), got.begin()))
    throw std::logic_error("a file differs from what was written");
  if (f.read_some(got) == 0) throw std::logic_error("a file ends too early");
}

struct alignas(64) big {
  std::array<std::byte, 2048> bytes{};
};

void spawn_many() {
  std::vector<fiber<int>> fibers;
  for (int i = 0; i < int(test::scaled(300)); ++i) {
    fibers.push_back(spawn({.stack_size = std::size_t(i % 3   ? 0
                                                      : i % 2 ? 64 << 10
                                                              : 1 << 20)},
                           [i] {
                             if (i % 16 == 0) this_fiber::sleep_for(1ms);
                             return i;
                           }));
  }
  fibers.push_back(spawn([b = big()] { return int(b.bytes.size()); }));
  for (auto& f : fibers) static_cast<void>(f.join());
}

// What plain threads do with sockets, one of them closed by another thread.
void on_threads() {
  auto [one, other] = net::unix_stream::pair();
  std::exception_ptr error;
  std::thread reader([&] {
    try {
      echo_once(other);
    } catch (...) {
      error = std::current_exception();
      other.close();
    }
  });
  struct joiner {
    net::unix_stream& end;
    std::thread& thread;
    ~joiner() {
      end.close();
      if (thread.joinable()) thread.join();
    }
  } const end{one, reader};
  one.write_all("hello");
  std::array<std::byte, 5> back;
  one.read_exact(back);
  std::optional<std::thread> closing;
  closing.emplace([&one = one] {
    std::this_thread::sleep_for(2ms);
    one.close();
  });
  std::error_code ec;
  static_cast<void>(one.read_some(back, ec));
  closing->join();
  reader.join();
  if (error) std::rethrow_exception(error);
}

}  // namespace

void live() {
  static_cast<void>(net::address::parse("[fe80::1%lo]:80").to_string());
  run(
      [] {
        spawn_many();
        with_scope([](scope& s) {
          for (int i = 0; i < 20; ++i) s.spawn([] { this_fiber::yield(); });
        });
        static_cast<void>(try_for(1ms, [] { this_fiber::sleep_for(1h); }));
        echo_over<net::tcp_listener, net::tcp_stream>(net::address("127.0.0.1", 0));
        echo_over<net::unix_listener, net::unix_stream>(
            net::address::unix_path("/tmp/weft-faults-" + std::to_string(getpid())));
        auto [one, other] = net::unix_stream::pair();
        with_scope([&one = one, &other = other](scope& s) {
          s.spawn([&other] { echo_once(other); });
          converse(one);
        });
        serve_some();
        wait_for_a_pipe();
        exchange_datagrams();
        use_pipes();
        use_a_file();
        connect_by_name();
      },
      {.workers = 2});
  on_threads();
  live_as_tasks();
}

}  // namespace weft::faults
