// SPDX-License-Identifier: BSL-1.0
// A queue without its items: how many there are, and who waits for one or for room.
#pragma once

#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <weft/stackless/event_loop.hpp>
#include <weft/stackless/future.hpp>
#include <weft/stackless/task.hpp>

namespace weft::detail {

// Under `lock`, but for what says otherwise.
class queue_core {
 public:
  explicit queue_core(std::size_t most) noexcept : most_(most) {}

  // Throw queue_shut_down.
  [[nodiscard]] bool may_put() const;
  [[nodiscard]] bool may_get() const;
  void has_put();
  void has_got();
  void shut_down(bool immediately, std::size_t dropped);

  // Without the lock. A place in line; nothing if there is no need any more.
  using line = std::deque<stackless::future<>>;
  struct place {
    line* in;
    stackless::future<> told;
  };
  [[nodiscard]] std::optional<place> wait_for_room();
  [[nodiscard]] std::optional<place> wait_for_item();
  // Until it is its turn. One that is told and cancelled at once lets the next one go.
  [[nodiscard]] stackless::task<> waits_for(place where);
  [[nodiscard]] std::size_t size();
  [[nodiscard]] std::size_t max_size() const noexcept { return most_; }
  void task_done();
  [[nodiscard]] stackless::task<> join();

  std::mutex lock;

 private:
  static void wake_one(line& waiting);
  static void wake_all(line& waiting);
  [[nodiscard]] bool is_full() const noexcept { return most_ > 0 && count_ >= most_; }
  void has_done(std::size_t many);

  const std::size_t most_;
  std::size_t count_ = 0;
  std::size_t unfinished_ = 0;
  bool shut_down_ = false;
  line putters_, getters_, joiners_;
};

}  // namespace weft::detail
