// SPDX-License-Identifier: BSL-1.0
// The readers and writers of an event loop: a task each, which waits for the descriptor and calls the callback.
//
// asyncio's are level-triggered: the callback is called for as long as the descriptor is ready. So each turn asks poll(2),
// and only when that says no does the task park on the descriptor's next edge.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <weft/detail/base/counted_pointer.hpp>
#include <weft/detail/stackless/callback.hpp>
#include <weft/stackless/task.hpp>
#include <weft/stackless/task_ref.hpp>

#include "poll/descriptor.hpp"

namespace weft::detail {

class loop_core;

// Throws std::system_error: bad_file_descriptor, EPERM for what poll(2) always calls ready.
void require_watchable(int fd);

class fd_watches {
 public:
  explicit fd_watches(loop_core& of) noexcept : of_(of) {}
  fd_watches(const fd_watches&) = delete;
  fd_watches& operator=(const fd_watches&) = delete;

  // Any thread. Replaces the one there was. Throws loop_error when the loop is closed, bad_alloc.
  void add(int fd, direction which, counted_pointer<callback> what);
  // Any thread. Whether there was one; on the loop's worker it is not called any more.
  bool remove(int fd, direction which);
  // When the loop is closed, and the tasks have ended.
  void clear() noexcept;

 private:
  struct watch {
    counted_pointer<callback> what;
    stackless::task_ref task;
    std::atomic<bool> removed{false};  // relaxed: on the worker program order is enough, elsewhere nothing is promised
  };
  static stackless::task<> follow(loop_core& loop, int fd, direction which, std::shared_ptr<watch> mine);
  static void end(watch& w) noexcept;

  loop_core& of_;
  std::mutex lock_;
  std::map<std::pair<int, direction>, std::shared_ptr<watch>> watches_;  // under `lock_`
};

}  // namespace weft::detail
