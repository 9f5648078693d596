// SPDX-License-Identifier: BSL-1.0
// class runtime: the workers and all that runs on them. What run() is built on; for embedders and plain threads.
#pragma once

#include <memory>
#include <source_location>
#include <weft/sched/options.hpp>
#include <weft/sched/stats.hpp>

namespace weft {

struct spawn_options;

namespace detail {
class scheduler;
struct seams;
}  // namespace detail

// An exception that nobody can observe (of a go() fiber, or where a handle was dropped) ends it, as it ends run(), unless it
// is a fiber's and options::on_unhandled is set: all that runs is cancelled, and what is spawned afterwards, too. There is
// no run() that it could come out of, so a line on stderr tells of it.
class runtime {
 public:
  // Starts the workers. Throws std::system_error: invalid_argument naming the option or environment variable,
  // resource_unavailable_try_again when no thread can be started, not_enough_memory, not_supported where fibers cannot
  // run (two C++ runtime libraries, shadow stacks).
  explicit runtime(options = {});
  // With parts of one's own; for tests.
  runtime(options, const detail::seams&);
  runtime(const runtime&) = delete;
  runtime& operator=(const runtime&) = delete;
  // shutdown(). On a fiber or task of its own, or in a blocking call of one, which it would wait for, it ends the process
  // and says so.
  ~runtime();

  // Like weft::spawn() and weft::go(), from any thread. operation_not_permitted once shutdown() has begun, but on the
  // runtime's own fibers. Defined in <weft/fiber/runtime_spawn.hpp>, which <weft/weft.hpp> includes.
  template <class F> auto spawn(F&& body, std::source_location where = std::source_location::current());
  template <class F>
  auto spawn(const spawn_options& with, F&& body, std::source_location where = std::source_location::current());
  template <class F> void go(F&& body, std::source_location where = std::source_location::current());
  template <class F>
  void go(const spawn_options& with, F&& body, std::source_location where = std::source_location::current());

  // Any thread.
  [[nodiscard]] stats_snapshot stats() const;
  // Writes a line for every living fiber and task. Any thread.
  void dump(int fd) const;
  // Cancels all fibers, waits for their end and that of begun blocking calls, ends the threads. Any plain thread; on a
  // worker, or in a blocking call of its own, operation_not_permitted. The second call does nothing.
  void shutdown();

 private:
  friend detail::scheduler& scheduler_of(const runtime& r) noexcept { return *r.scheduler_; }

  // While a thread from outside spawns: shutdown() waits for it. Throws if that has begun.
  class admission {
   public:
    explicit admission(const runtime& to);
    admission(const admission&) = delete;
    admission& operator=(const admission&) = delete;
    ~admission();

   private:
    detail::scheduler* to_;  // null on the runtime's own workers, whose fibers shutdown() waits for anyway
  };

  std::unique_ptr<detail::scheduler> scheduler_;
};

namespace detail {
// Of run(), which throws the exceptions that nobody can observe. Before anything runs.
void will_take_errors(runtime& of) noexcept;
}  // namespace detail

// On a fiber or task: its runtime. Else operation_not_permitted.
[[nodiscard]] runtime& this_runtime();
// Writes a line for every living fiber and task: on a fiber or task those of its runtime, elsewhere of all.
void dump(int fd);

}  // namespace weft
