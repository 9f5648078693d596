// SPDX-License-Identifier: BSL-1.0
// What an event loop is beneath its face: callbacks in a worker's run queue, and their batches. The home of the loop
// protocol.
//
// Every worker on which somebody asks for a loop has one: its run queue, poller and timers are the loop's. What is between
// its making and `close` is "open"; it closes with the worker's thread, or with the event_loop that owns the runtime.
//
// Invariants
//  - `at_` stands still while the loop is open; others than its worker look at it, and post letters, under `lock_` only.
//  - `turn_` is a runnable that stands for the boundary between two batches of callbacks: before anything is scheduled on
//    the worker it is put into the run queue, if it is not there. So what a callback schedules is in a later batch.
//  - The timers' list, the watches and the batch belong to the worker. While it is held ([loop-3]) nothing of it runs.
//
// Protocol
//  [loop-1] On the worker: `turn_` first, then the callback, at the end of the run queue.
//  [loop-2] From elsewhere: the callback goes into `letters_`, under the lock; whoever finds no mail under way sends
//           `mail_` to the worker, which schedules them in their order.
//  [loop-3] A loop that owns its worker runs nothing while nobody is in run_forever(): the worker is held in `hold`, where
//           it only listens, since others may wait for what is registered with its poller. stop() lets the batch end:
//           `turn_`, when it comes, holds the worker again and so wakes who runs it.
//  [loop-4] At the end callbacks are dropped instead of called: those in the queue as they come, timers and letters by
//           `close`, after which nothing is accepted. But those that are `in_any_case` are called until then: tasks that
//           are unwound wait for others, and weft's own callbacks tell them.
//  [loop-5] Tasks are not dropped, so none may be among the letters then: whoever starts one from outside the runtime is
//           admitted first ([pin-3]), and the runtime's end, which waits for him, finds it counted.
//  [loop-6] A timer that is cancelled elsewhere is marked, and counted with those of all loops: its own may be gone. At the
//           end of a turn a loop drops those that are marked, once as many were counted since as half of its timers, and
//           some: asyncio, too, compacts only then.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <source_location>
#include <string_view>
#include <weft/detail/base/counted_pointer.hpp>
#include <weft/detail/run/fifo.hpp>
#include <weft/detail/stackless/callback.hpp>
#include <weft/detail/stackless/loop_calls.hpp>
#include <weft/stackless/task.hpp>
#include <weft/stackless/task_ref.hpp>

namespace weft {
class runtime;
}
namespace weft::stackless {
class event_loop;
struct error_context;
}  // namespace weft::stackless

namespace weft::detail {

class worker;
class scheduler;
class fd_watches;
struct task_core;

class loop_core {
 public:
  enum class ownership : std::uint8_t { owns_worker, owned_by_worker };
  // The face is deleted with one that is owned by its worker.
  loop_core(worker& at, stackless::event_loop* face, ownership how);
  loop_core(const loop_core&) = delete;
  loop_core& operator=(const loop_core&) = delete;
  void share() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }  // by one who has it
  void let_go() noexcept;

  // --- Any thread ---
  // It counts itself a reference. False: the loop is closed.
  [[nodiscard]] bool schedule(callback& what) noexcept;
  // A new task, detached, to be run behind what is ready here. It stays with this worker. False: the loop is closed. The
  // caller has an `admission`.
  [[nodiscard]] bool start(task_core& task) noexcept;
  [[nodiscard]] bool is_on_worker() const noexcept;
  // Throws loop_error when it is closed.
  void require_open();
  class admission;
  [[nodiscard]] stackless::event_loop* face() const noexcept { return face_; }
  // On the worker or while nothing runs there at once, elsewhere as a letter; on stderr when the loop is closed.
  void report(const stackless::error_context& what) noexcept;

  void set_debug(bool on) noexcept;
  // relaxed: settings
  std::atomic<bool> debug{false};
  std::atomic<std::int64_t> slow_callback{100'000'000};  // ns
  using handler_type = std::function<void(stackless::event_loop&, const stackless::error_context&)>;
  void set_handler(handler_type handler);

  // --- On the worker ---
  void push(callback& what) noexcept;  // [loop-1]
  void push_timed(timed_callback& what) noexcept;
  void cancel_timed(timed_callback& what) noexcept;
  static void cancel_elsewhere(timed_callback& what) noexcept;  // any thread, [loop-6]
  // Before anything else than a callback is pushed.
  void mark_turn() noexcept;
  void handle(const stackless::error_context& what) noexcept;
  // Debug mode: something began then, and has ended now.
  void note_duration(std::int64_t begun, const char* kind, std::string_view name,
                     const std::source_location& where) noexcept;
  void close() noexcept;  // [loop-4]
  [[nodiscard]] fd_watches& watches() noexcept { return *watches_; }
  [[nodiscard]] worker& at() const noexcept { return *at_; }

  static void call_now(runnable& r) noexcept;
  static void fire(timer_node& node, wake_list&) noexcept;

  // --- Of the one that owns its worker ---
  enum class phase : std::uint8_t { starting, held, running, ending, closed };
  // Any plain thread: until the loop is stopped. Throws loop_error if it runs or is closed.
  void run();
  // On the worker, or while it is held. Throws loop_error elsewhere.
  void stop();
  [[nodiscard]] phase now() noexcept;
  // Its worker runs, up to being held. The caller's only: nobody else knows the loop.
  void begin();
  // Throws loop_error while it runs; false: it was closed before.
  [[nodiscard]] bool begin_end();
  void release_worker();  // then, to unwind what lives on it
  void end();             // when that has gone

 private:
  struct turn : runnable {
    explicit turn(loop_core& l, resume_function how) noexcept : runnable(how), of(l) {}
    loop_core& of;
  };

  ~loop_core();
  static void end_turn(runnable& r) noexcept;
  static void deliver(runnable& r) noexcept;
  static void hold(runnable& r) noexcept;

  void call(callback& what) noexcept;
  void call_watched(callback& what);
  void unlink(timed_callback& what) noexcept;
  void drop_cancelled_timers() noexcept;
  void hold_worker() noexcept;

  std::atomic<unsigned> references_{1};
  stackless::event_loop* const face_;
  const ownership how_;
  worker* at_;
  const std::uint64_t runtime_number_;

  std::mutex lock_;
  bool open_ = true;                       // under `lock_`, but for the worker
  bool mail_sent_ = false;                 // under `lock_`
  fifo letters_;                           // under `lock_`
  handler_type handler_;                   // under `lock_`
  std::condition_variable phase_changed_;  // with `lock_`
  phase phase_ = phase::starting;          // under `lock_`
  std::atomic<bool> stopping_{false};      // relaxed: written by the worker, or under `lock_` while it is held
  bool stops_after_mail_ = false;          // likewise
  bool dropping_ = false;                  // likewise
  bool released_ = false;                  // under `lock_`

  turn mail_, turn_, gate_;
  bool turn_queued_ = false;
  timed_callback* timed_ = nullptr;
  std::size_t timed_count_ = 0;
  std::uint64_t cancelled_then_ = 0;                       // when this loop last dropped its own
  static std::atomic<std::uint64_t> cancelled_elsewhere_;  // relaxed: only counted
  const std::unique_ptr<fd_watches> watches_;
};

// [loop-5] Any thread. While it lives the loop stays open, and its worker and the runtime stay.
class loop_core::admission {
 public:
  // Throws loop_error when the loop is closed, or its runtime has begun to end.
  explicit admission(loop_core& to);
  admission(const admission&) = delete;
  admission& operator=(const admission&) = delete;
  ~admission();

 private:
  scheduler* pinned_ = nullptr;  // null on the runtime's own workers: it waits for what runs there anyway
};

// Starts a task of weft's own. Throws loop_error when the loop is closed, bad_alloc.
[[nodiscard]] stackless::task_ref start_hidden(loop_core& on, stackless::task<>& what, std::source_location where);

}  // namespace weft::detail
