// SPDX-License-Identifier: BSL-1.0
// Children of fork(2), which share every descriptor with fibers that use them.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <vector>

#include "net/loopback.hpp"
#include "net/worlds.hpp"

using namespace weft::test;
using namespace weft::net;
using namespace std::chrono_literals;

namespace {

// Asks and answers until it is told to stop.
class conversation {
 public:
  explicit conversation(const world& w)
      : answering_(w.start([this] {
          std::byte piece[64];
          while (const auto count = both_.server.read_some(piece)) both_.server.write_all(std::span(piece, count));
        })),
        asking_(w.start([this] {
          while (!stop_) {
            const auto question = pattern(1 + rounds_ % 60, rounds_);
            std::vector<std::byte> answer(question.size());
            both_.client.write_all(question);
            both_.client.read_exact(answer);
            CHECK(answer == question);
            ++rounds_;
          }
          both_.client.shutdown_write();
        })) {}

  [[nodiscard]] std::size_t rounds() const { return rounds_; }
  // What a child does with what it has inherited, as destructors would.
  void close() {
    both_.client.close();
    both_.server.close();
  }
  void end() {
    stop_ = true;
    asking_.join();
    answering_.join();
  }

 private:
  tcp_pair both_;
  std::atomic<std::size_t> rounds_{0};
  std::atomic<bool> stop_{false};
  actor answering_, asking_;
};

}  // namespace

TEST_CASE(
    "children of fork close all that they have inherited and exec, and the fibers of their parent do not notice") {
  on_fibers([](const world& w) {
    std::vector<std::unique_ptr<conversation>> all;
    for (int i = 0; i < 4; ++i) all.push_back(std::make_unique<conversation>(w));
    tcp_pair quiet;  // somebody waits here all the time
    auto patient = w.start([&] { CHECK(read_text(quiet.server, 5) == "hello"); });
    w.until_waiting(1);
    const auto fork_one = [&] {
      const pid_t child = ::fork();
      if (child != 0) return child;
      for (auto& each : all) each->close();
      quiet.client.close();
      quiet.server.close();
      for (int fd = 0; fd < 1024; ++fd) ::close(fd);
      ::execl("/bin/true", "true", nullptr);
      ::_exit(1);
    };
    for (std::size_t i = 0; i < scaled(20, 4); ++i) {
      pid_t child = -1;
      if (i % 2 == 0)
        child = fork_one();
      else
        std::thread([&] { child = fork_one(); }).join();
      REQUIRE(child > 0);
      int status = -1;
      while (::waitpid(child, &status, WNOHANG) == 0) weft::this_fiber::yield();
      CHECK(status == 0);
      for (const auto& each : all) {  // a hang is the failure
        for (const auto before = each->rounds(); each->rounds() == before;) weft::this_fiber::yield();
      }
    }
    quiet.client.write_all("hello");
    patient.join();
    for (auto& each : all) each->end();
  });
}
