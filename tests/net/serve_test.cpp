// SPDX-License-Identifier: BSL-1.0
// serve: many connections, failing handlers, too few fds.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <mutex>
#include <stdexcept>
#include <vector>
#include <weft/net/buffered.hpp>

#include "net/serving.hpp"

using namespace weft::test;
using namespace weft::net;
using namespace std::chrono_literals;

TEST_CASE("every connection has a fiber of its own, and these are spread over the workers") {
  on_fibers([](const world&) {
    std::mutex lock;
    std::map<pid_t, int> threads;
    running server([&](tcp_stream s) {
      {
        const std::lock_guard guard(lock);
        ++threads[::gettid()];
      }
      echo(std::move(s));
    });
    std::vector<tcp_stream> clients(static_cast<std::size_t>(workers()) * 5);
    for (auto& c : clients) c = server.connect();
    for (auto& c : clients) CHECK(ask(c, "hello") == "hello");
    CHECK(threads.size() == workers());
    for (const auto& [thread, count] : threads) CHECK(count == 5);
    clients.clear();
    server.stop();
  });
}

TEST_CASE("a handler that throws ends its own connection alone, and on_error hears of it") {
  on_fibers([](const world&) {
    std::mutex lock;
    std::vector<std::string> heard;
    weft::semaphore told(0);
    running server(
        [](tcp_stream s) {
          const auto what = read_text(s, 1);
          if (what == "s") throw std::runtime_error("it broke");
          if (what == "i") throw 42;
          if (what == "c") throw weft::cancelled();
          echo(std::move(s));
        },
        {.on_error = [&](std::exception_ptr error, const address& peer) {
          const std::lock_guard guard(lock);
          try {
            std::rethrow_exception(error);
          } catch (const std::exception& e) {
            heard.push_back(e.what() + (" " + to_string(peer)));
          } catch (int i) {
            heard.push_back(std::to_string(i));
          }
          told.release();
        }});
    auto good = server.connect();
    good.write_all("g");
    auto bad = server.connect();
    const auto who = to_string(bad.local());
    bad.write_all("s");
    CHECK(read_to_end(bad).empty());
    told.acquire();  // the stream ends first
    for (const char* text : {"i", "c"}) {
      auto other = server.connect();
      other.write_all(text);
      CHECK(read_to_end(other).empty());
    }
    told.acquire();
    CHECK(ask(good, "still there") == "still there");
    good.close();
    server.stop();
    CHECK(heard == std::vector<std::string>{"it broke " + who, "42"});
  });
}

TEST_CASE("without on_error one line on stderr says what was thrown and whose connection it was") {
  const stderr_capture errors;
  std::string who;
  on_fibers([&](const world&) {
    running server([](tcp_stream s) {
      CHECK(read_text(s, 1) == "x");
      throw std::runtime_error("it broke");
    });
    auto c = server.connect();
    who = to_string(c.local());
    c.write_all("x");
    CHECK(read_to_end(c).empty());
    server.stop();
  });
  CHECK(contains(errors.text().c_str(), "weft: connection of " + who + ": it broke\n"));
}

TEST_CASE("an on_error that throws is reported itself") {
  const stderr_capture errors;
  on_fibers([](const world&) {
    running server([](tcp_stream s) { throw std::runtime_error("first " + read_text(s, 1)); },
                   {.on_error = [](std::exception_ptr, const address&) { throw std::runtime_error("second"); }});
    auto c = server.connect();
    c.write_all("x");
    CHECK(read_to_end(c).empty());
    server.stop();
  });
  CHECK(contains(errors.text().c_str(), ": second\n"));
}

TEST_CASE("beyond max_connections nobody is accepted until one has ended") {
  on_fibers([](const world&) {
    std::atomic<int> now{0}, most{0};
    running server(
        [&](tcp_stream s) {
          const int count = ++now;
          for (int seen = most; seen < count && !most.compare_exchange_weak(seen, count);) {
          }
          while (most < 3) weft::this_fiber::yield();  // nobody is done before three were there at once
          echo(std::move(s));
          --now;
        },
        {.max_connections = 3});
    std::vector<weft::fiber<void>> clients;
    for (int i = 0; i < 50; ++i)
      clients.push_back(weft::spawn([&] {
        auto c = server.connect();
        for (int k = 0; k < 3; ++k) CHECK(ask(c, "hello") == "hello");
        c.shutdown_write();
        CHECK(read_to_end(c).empty());
      }));
    for (auto& c : clients) c.join();
    CHECK(most == 3);
    server.stop();
  });
}

TEST_CASE("without fds serve pauses, says so once, and serves everybody in the end") {
  const stderr_capture errors;
  on_fibers([&](const world&) {
    tcp_listener listener(any_port());
    std::vector<tcp_stream> clients(10);
    for (auto& c : clients) c = tcp_stream::connect(listener.local());
    const int file = ::memfd_create("dump", MFD_CLOEXEC);
    const auto pauses = [file] {
      char text[8192] = {};
      CHECK(::ftruncate(file, 0) == 0);
      CHECK(::lseek(file, 0, SEEK_SET) == 0);
      weft::dump(file);
      CHECK(::pread(file, text, sizeof text - 1, 0) > 0);
      return contains(text, " waits for connections to end");
    };
    const few_fds three(3);
    auto server = weft::spawn([&] { serve(listener, echo); });
    // Nobody asks anything, so nobody is done, before serve has found that it can accept no more.
    const auto complaint = "weft: accept on " + to_string(listener.local()) + ": Too many open files; trying again\n";
    while (!contains(errors.text().c_str(), complaint)) weft::this_fiber::yield();
    while (!pauses()) weft::this_fiber::yield();  // a hang is the failure
    std::vector<weft::fiber<void>> asking;
    for (auto& c : clients)
      asking.push_back(weft::spawn([&c] {
        CHECK(ask(c, "hello") == "hello");
        c.close();
      }));
    for (auto& a : asking) a.join();
    const auto text = errors.text();
    CHECK(text.find(complaint) == text.rfind(complaint));
    listener.close();
    server.join();
    ::close(file);
  });
}

TEST_CASE("serve off a fiber, and on a listener that is not open, is refused") {
  tcp_listener listener(any_port());
  CHECK(error_of([&] { serve(listener, echo); }).code() == std::errc::operation_not_permitted);
  on_fibers([](const world&) {
    tcp_listener none;
    CHECK(error_of([&] { serve(none, echo); }).code() == std::errc::bad_file_descriptor);
  });
}

TEST_CASE("unix connections are served alike, and the handler may keep state") {
  on_fibers([](const world&) {
    const temporary_directory directory;
    unix_listener listener(address::unix_path(directory.file("s")));
    std::atomic<int> lines{0};
    auto server = weft::spawn([&] {
      serve(listener, [&lines](unix_stream s) {
        buffered b(std::move(s));
        while (const auto line = b.read_line()) {
          ++lines;
          b.write_all(*line + "!\n");
          b.flush();
        }
      });
    });
    auto c = unix_stream::connect(listener.local());
    c.write_all("a\nb\n");
    c.shutdown_write();
    CHECK(read_to_end(c) == "a!\nb!\n");
    listener.close();
    server.join();
    CHECK(lines == 2);
  });
}

TEST_CASE("ten thousand connections are served at once") {
  // The clients are another process, or the fds would not suffice.
  const auto count = std::min({scaled(10'000, 200), max_live_fibers() - 8, fd_limit() - 200});
  std::atomic<std::size_t> most{0}, now{0};
  on_fibers([&](const world&) {
    running server([&](tcp_stream s) {
      const auto live = ++now;
      for (auto seen = most.load(); seen < live && !most.compare_exchange_weak(seen, live);) {
      }
      echo(std::move(s));
      --now;
    });
    const auto where = server.where();
    const pid_t clients = ::fork();
    if (clients == 0) {
      // Only system calls from here on.
      static int sockets[20'000];
      bool right = true;
      for (std::size_t i = 0; i < count; ++i) {
        sockets[i] = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        right &= ::connect(sockets[i], where.data(), where.size()) == 0;
      }
      for (int round = 0; round < 2; ++round) {
        for (std::size_t i = 0; i < count; ++i) right &= ::send(sockets[i], &i, sizeof i, MSG_NOSIGNAL) == sizeof i;
        for (std::size_t i = 0; i < count; ++i) {
          std::size_t answer = 0;
          right &= ::recv(sockets[i], &answer, sizeof answer, MSG_WAITALL) == sizeof answer && answer == i;
        }
      }
      ::_exit(right ? 0 : 1);
    }
    int status = -1;
    while (::waitpid(clients, &status, WNOHANG) == 0) weft::this_fiber::sleep_for(1ms);
    CHECK(status == 0);
    server.stop();
  });
  CHECK(most == count);
}

TEST_CASE("a handler may be lent the stream, which ends with it all the same") {
  on_fibers([](const world&) {
    for (int i = 0; i < 2; ++i) {
      running lends([](tcp_stream& s) { s.write_all("lent"); }, {.max_connections = 1});
      running gives([](tcp_stream&& s) { s.write_all("left"); }, {.max_connections = 1});
      auto one = lends.connect();
      CHECK(read_text(one, 4) == "lent");
      CHECK(read_to_end(one).empty());
      auto other = gives.connect();
      CHECK(read_text(other, 4) == "left");
      CHECK(read_to_end(other).empty());
      lends.stop();
      gives.stop();
    }
  });
}
