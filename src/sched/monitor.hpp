// SPDX-License-Identifier: BSL-1.0
// A thread that notices a worker stuck in one fiber and says so on stderr, once per stuck turn.
//
// It compares each worker's count of picks with what it was a threshold ago; workers pay nothing for it.
//
// Protocol
//  [monitor-1] While the whole runtime sleeps the monitor sleeps too, so that an idle runtime uses no CPU. It says so
//              (`dozing`, seq_cst), then looks once more whether a worker is busy. A worker says that it is busy
//              (seq_cst), then looks whether the monitor dozes, and wakes it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

namespace weft::detail {

class worker;

class monitor {
 public:
  // Zero: off.
  explicit monitor(std::chrono::nanoseconds threshold) noexcept : threshold_(threshold) {}
  monitor(const monitor&) = delete;
  monitor& operator=(const monitor&) = delete;
  ~monitor() { stop(); }

  // May throw system_error. The workers outlive `stop`.
  void start(const std::vector<std::unique_ptr<worker>>& workers);
  void stop() noexcept;

  // A worker that leaves its sleep. One load of a word that seldom changes.
  void somebody_works() noexcept {
    // [monitor-1] seq_cst: the worker has said that it is busy before it looks here; `watch` looks in the other order.
    if (state_.load(std::memory_order_seq_cst) == dozing) wake();
  }

 private:
  struct view {
    std::uint64_t turns = 0;
    std::chrono::steady_clock::time_point since{};
    bool reported = false;
  };
  void watch(std::vector<view>& seen) noexcept;
  bool look(worker& at, view& seen) noexcept;
  void report(worker& at, std::chrono::nanoseconds held) noexcept;
  void wake() noexcept;

  static constexpr std::uint32_t watching = 0, dozing = 1, ending = 2;

  const std::chrono::nanoseconds threshold_;
  const std::vector<std::unique_ptr<worker>>* workers_ = nullptr;
  std::atomic<std::uint32_t> state_{watching};
  std::thread thread_;
};

}  // namespace weft::detail
