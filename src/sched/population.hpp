// SPDX-License-Identifier: BSL-1.0
// What the floor above puts on the workers: all fibers, or all tasks, of one runtime. This is all that the scheduler
// knows of them.
//
// Protocol of the end
//  [empty-1] Whether all have ended: the ended ones of both populations are summed over the workers first, then the
//            started ones. Both sums only grow, and what a fiber or task starts, of either kind, is counted before its
//            own end is; so if they are equal, nothing lived in between. Counts are released by their worker, acquired
//            by who sums.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <vector>
#include <weft/base/deadline.hpp>
#include <weft/sched/stats.hpp>

namespace weft::detail {

class worker;
struct context_place;

class population {
 public:
  // What a population keeps on each worker. Only that worker's thread touches it, but for what says otherwise.
  class resident {
   public:
    resident() = default;
    resident(const resident&) = delete;
    resident& operator=(const resident&) = delete;
    virtual ~resident() = default;
    virtual void thread_started(worker&) {}  // on the worker's thread, before anything runs
    virtual void thread_ending(worker&) noexcept {}
    // On the worker's stack, before it sleeps. When it wants to be called again, on the clock; `deadline::limit`: never.
    [[nodiscard]] virtual std::int64_t tidy(std::int64_t /*now*/) noexcept { return deadline::limit; }
    // Where the one that runs now keeps its context variables, null when it is none of this population. `to_change`: it
    // must clear that when it ends.
    [[nodiscard]] virtual context_place* place_of_running(bool /*to_change*/) noexcept { return nullptr; }
    // Every so often while the worker is busy, on whichever stack it is.
    virtual void attend(std::int64_t /*now*/) noexcept {}
    // Any thread. One line that says what the worker runs now, "" when it is nothing of this population.
    virtual std::size_t describe_running(worker&, char* /*out*/, std::size_t /*size*/) const noexcept { return 0; }
  };

  population() = default;
  population(const population&) = delete;
  population& operator=(const population&) = delete;
  virtual ~population() = default;

  virtual std::unique_ptr<resident> move_in(worker&) = 0;
  // How many have ended, and how many were ever started. May be asked while more is being started. [empty-1]
  [[nodiscard]] virtual std::uint64_t ended() const noexcept = 0;
  [[nodiscard]] virtual std::uint64_t started() const noexcept = 0;
  virtual void cancel_all() noexcept = 0;  // any thread; again and again until all have ended
  virtual void add_to(stats_snapshot&) const noexcept = 0;
  virtual void dump(int fd) const noexcept = 0;
  // What nobody could observe and run() must throw goes to the list. Throws bad_alloc, and keeps the rest then.
  virtual void take_errors(std::vector<std::exception_ptr>& to) = 0;
};

// The slots of the two populations; an index, so that finding one's resident is one load.
enum class kind : unsigned { fibers, tasks };
inline constexpr unsigned kinds = 2;

}  // namespace weft::detail
